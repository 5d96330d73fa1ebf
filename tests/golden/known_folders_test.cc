// Numbers that no test reads must not look as if they were checked.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "tests/golden/golden_data.h"

namespace tributary {
namespace {

TEST(GoldenFolders, EachHasATestAndNoneIsMissing) {
  const std::set<std::string> known = {
      "aggregate",        "aggregate_more",  "aux_refresh",       "complementary_step",
      "contrastive_loss", "creamfl",         "creamfl_round",     "edges",
      "fedprox",          "image_normalise", "image_resize",      "local_rounds",
      "model_forward",    "partition",       "retrieval_metrics", "retrieval_shuffled",
      "sampling",         "schedule",        "wordpiece"};
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath(""))) {
    if (entry.is_directory()) found.insert(entry.path().filename().string());
  }
  EXPECT_EQ(found, known);
}

}  // namespace
}  // namespace tributary
