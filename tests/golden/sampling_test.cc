// algorithm.md section 2, sampling, against golden/sampling.

#include <gtest/gtest.h>

#include "server/round/sampler.h"
#include "tests/golden/golden_data.h"

namespace tributary {
namespace {

TEST(SamplingTest, CohortSizesAreThoseOfTheRelease) {
  const nlohmann::json cases = GoldenJson("sampling/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    EXPECT_EQ(CohortSize(golden["clients"].get<int>(), golden["fraction"].get<double>()),
              golden["sampled"].get<int>())
        << golden;
  }
}

}  // namespace
}  // namespace tributary
