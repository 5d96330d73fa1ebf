#include "server/aggregation/merge_progress.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "server/aggregation/merge.h"

namespace tributary {
namespace {

TEST(MergeProgressTest, ATensorThatNobodyWritesIsReadyOnceThatIsKnown) {
  MergeProgress progress;
  const Tensor written, other;
  progress.Expect({{&written, 2}});
  EXPECT_TRUE(progress.Await(&other).ok());
  progress.PartWritten(&written);
  progress.PartWritten(&written);
  EXPECT_TRUE(progress.Await(&written).ok());
}

TEST(MergeProgressTest, AMergeThatFailsLetsGoWhoeverWaits) {
  MergeProgress progress;
  const Tensor tensor;
  absl::Status before_it_began, before_it_was_written;
  std::thread early([&] { before_it_began = progress.Await(&tensor); });
  progress.Done(absl::DataLossError("a spool is gone"));
  early.join();
  EXPECT_EQ(before_it_began.code(), absl::StatusCode::kDataLoss);
  progress.Expect({{&tensor, 1}});
  EXPECT_EQ(progress.Await(&tensor).code(), absl::StatusCode::kDataLoss);
}

// Whoever waits for a tensor finds all its new values, and none of an old one.
TEST(MergeProgressTest, FollowsAMerge) {
  constexpr int64_t kTensors = 40, kValues = 70'000;  // more than one job each
  std::vector<Tensor> tensors(kTensors, Tensor::Zeros({kValues}));
  Manifest manifest;
  for (int64_t i = 0; i < kTensors; ++i) manifest.tensors.push_back({"t", {kValues}});
  Accumulator sums(manifest);
  std::vector<MergeStep> steps;
  for (size_t i = 0; i + 1 < kTensors; ++i) {  // the last keeps its values
    sums.Add(i, 0, std::vector<float>(kValues, static_cast<float>(i + 1)), 0.5);
    steps.push_back({.tensor = &tensors[i], .sums = &sums, .place = i, .factor = 2});
  }
  // Every other one is computed together with the one before it, whose old values it reads.
  for (size_t i = 1; i < steps.size(); i += 2) steps[i].foreign.emplace_back(&tensors[i - 1], 0.0);
  MergeProgress progress;
  std::vector<std::vector<float>> seen;
  std::thread follower([&] {
    for (const Tensor& tensor : tensors) {
      EXPECT_TRUE(progress.Await(&tensor).ok());
      seen.push_back(tensor.values);
    }
  });
  ASSERT_TRUE(Merge(steps, 3, &progress).ok());
  progress.Done(absl::OkStatus());
  follower.join();
  for (size_t i = 0; i < kTensors; ++i) {
    const float expected = i + 1 < kTensors ? static_cast<float>(i + 1) : 0;
    EXPECT_EQ(seen[i], std::vector<float>(kValues, expected)) << i;
  }
}

}  // namespace
}  // namespace tributary
