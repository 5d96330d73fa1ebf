// docs/algorithm.md section 2, sampling, against golden/sampling.

#include <gtest/gtest.h>

#include "server/round/sampler.h"
#include "tests/golden/golden_data.h"

namespace tributary {
namespace {

TEST(SamplingTest, CohortSizesAreThoseOfTheRelease) {
  const nlohmann::ordered_json cases = GoldenJson("sampling/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    ExpectKnownKeys(golden, {"clients", "fraction", "sampled"});
    EXPECT_EQ(CohortSize(golden.at("clients"), golden.at("fraction")), golden.at("sampled"))
        << golden;
  }
}

}  // namespace
}  // namespace tributary
