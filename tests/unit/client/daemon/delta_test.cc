#include "client/daemon/delta.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/model_spec.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

StateDict State(std::vector<std::pair<std::string, std::vector<float>>> tensors) {
  StateDict state;
  for (auto& [name, values] : tensors) {
    const auto size = static_cast<int64_t>(values.size());
    EXPECT_TRUE(state.Add(name, Tensor{.shape = {size}, .values = std::move(values)}).ok());
  }
  return state;
}

TEST(DeltaTest, TakesThePulledWeightsOffByName) {
  const StateDict pulled = State({{"b.aux_weight", {9, 9}}, {"b", {1, 2}}, {"a", {3}}});
  StateDict weights = State({{"a", {4}}, {"b", {0, 2.5}}});
  ASSERT_TRUE(SubtractPulled(pulled, Manifest::Of(weights), &weights).ok());
  EXPECT_THAT(weights.Find("a")->values, ElementsAre(1));
  EXPECT_THAT(weights.Find("b")->values, ElementsAre(-1, 0.5));
}

TEST(DeltaTest, RepresentationsAreNoDifferences) {
  const std::string features(kPublicFeatures);
  StateDict weights = State({{"a", {4}}, {features, {0.5, 0.25}}});
  ASSERT_TRUE(SubtractPulled(State({{"a", {3}}}), Manifest::Of(weights), &weights).ok());
  EXPECT_THAT(weights.Find("a")->values, ElementsAre(1));
  EXPECT_THAT(weights.Find(features)->values, ElementsAre(0.5, 0.25));
}

// The coordinator's control variate has been pulled under the name that the client's change has.
TEST(DeltaTest, ChangesOfControlVariatesAreNoDifferences) {
  StateDict weights = State({{"a", {4}}, {"control.a", {0.5}}});
  const StateDict pulled = State({{"a", {3}}, {"control.a", {7}}});
  ASSERT_TRUE(SubtractPulled(pulled, Manifest::Of(weights), &weights).ok());
  EXPECT_THAT(weights.Find("a")->values, ElementsAre(1));
  EXPECT_THAT(weights.Find("control.a")->values, ElementsAre(0.5));
}

TEST(DeltaTest, RefusesTensorsThatAreNotToBeUploaded) {
  const StateDict pulled = State({{"a", {3}}, {"b", {1}}});
  StateDict weights = State({{"a", {4}}});
  const absl::Status status = SubtractPulled(pulled, Manifest::Of(pulled), &weights);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("b"));
}

TEST(DeltaTest, RefusesATensorThatWasNotPulledInThisShape) {
  StateDict weights = State({{"a", {4, 4}}});
  const Manifest upload = Manifest::Of(weights);
  EXPECT_FALSE(SubtractPulled(State({{"a", {1}}}), upload, &weights).ok());
  EXPECT_FALSE(SubtractPulled(State({{"b", {1, 1}}}), upload, &weights).ok());
}

TEST(DeltaTest, NamesTheTensorThatTrainingHasBlownUp) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float value : {infinity, -infinity, nan}) {
    StateDict weights = State({{"a", {1}}, {"head", {0, value}}});
    const absl::Status status =
        SubtractPulled(State({{"a", {1}}, {"head", {0, 0}}}), Manifest::Of(weights), &weights);
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(std::string(status.message()), HasSubstr("tensor head, value 1"));
  }
}

}  // namespace
}  // namespace tributary
