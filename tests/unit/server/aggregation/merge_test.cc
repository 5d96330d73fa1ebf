#include "server/aggregation/merge.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"

namespace tributary {
namespace {

// Models of one tensor each, of which some read others' old values.
struct Case {
  std::vector<Tensor> tensors;  // the first `steps.size()` of them are written
  std::unique_ptr<Accumulator> sums;
  std::vector<MergeStep> steps;
};

// `reads`: by step, which tensors it reads.
std::unique_ptr<Case> MakeCase(size_t tensors, size_t values,
                               const std::vector<std::vector<size_t>>& reads,
                               RandomStream* stream) {
  auto made = std::make_unique<Case>();
  Manifest manifest;
  for (size_t t = 0; t < tensors; ++t) {
    Tensor tensor = Tensor::Zeros({static_cast<int64_t>(values)});
    for (float& value : tensor.values) value = static_cast<float>(stream->Normal());
    made->tensors.push_back(std::move(tensor));
    manifest.tensors.push_back({absl::StrCat("t", t), {static_cast<int64_t>(values)}});
  }
  made->sums = std::make_unique<Accumulator>(manifest);
  for (size_t i = 0; i < reads.size(); ++i) {
    std::vector<float> delta(values);
    for (float& value : delta) value = static_cast<float>(0.1 * stream->Normal());
    made->sums->Add(i, 0, delta, stream->Uniform());
    MergeStep step{.tensor = &made->tensors[i],
                   .sums = made->sums.get(),
                   .place = i,
                   .factor = 0.5 + stream->Uniform()};
    for (const size_t read : reads[i]) {
      step.foreign.emplace_back(&made->tensors[read], stream->Uniform());
    }
    made->steps.push_back(std::move(step));
  }
  return made;
}

// The new values straight from the definition, from a copy of all old ones.
std::vector<std::vector<double>> Reference(const Case& merged) {
  std::vector<std::vector<double>> result;
  for (const MergeStep& step : merged.steps) {
    std::vector<double> values;
    for (size_t i = 0; i < step.tensor->values.size(); ++i) {
      const double old = step.tensor->values[i];
      double fresh = old + step.factor * step.sums->Value(step.place, i);
      for (const auto& [tensor, coefficient] : step.foreign) {
        fresh += coefficient * (tensor->values[i] - old);
      }
      values.push_back(fresh);
    }
    result.push_back(std::move(values));
  }
  return result;
}

void ExpectMerged(const Case& merged, const std::vector<std::vector<double>>& expected) {
  for (size_t s = 0; s < merged.steps.size(); ++s) {
    const std::vector<float>& values = merged.steps[s].tensor->values;
    ASSERT_EQ(values.size(), expected[s].size());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(values[i], expected[s][i], 1e-6 * std::max(1.0, std::abs(expected[s][i])))
          << "step " << s << ", value " << i;
    }
  }
}

std::vector<uint32_t> BitsOf(const Case& merged) {
  std::vector<uint32_t> bits;
  for (const Tensor& tensor : merged.tensors) {
    for (const float value : tensor.values) bits.push_back(std::bit_cast<uint32_t>(value));
  }
  return bits;
}

// Sizes about the blocks and jobs that tensors are cut into.
constexpr size_t kSizes[] = {1, 7, 1023, 1024, 1025, 2500, (1 << 16) - 1, (1 << 16) + 1, 140'000};

TEST(MergeTest, RandomPlansEndAsIfAllOldValuesHadBeenCopied) {
  RandomStream shapes(3, "plans");
  for (int round = 0; round < 40; ++round) {
    const size_t tensors = 1 + shapes.Below(6);
    const size_t steps = 1 + shapes.Below(tensors);  // those behind are read only
    const size_t values = kSizes[shapes.Below(round % 4 == 0 ? std::size(kSizes) : 6)];
    std::vector<std::vector<size_t>> reads(steps);
    for (size_t i = 0; i < steps; ++i) {
      for (size_t t = 0; t < tensors; ++t) {
        if (t != i && shapes.Below(3) == 0) reads[i].push_back(t);
      }
    }
    std::vector<uint32_t> bits;
    for (const int threads : {1, 4}) {
      RandomStream stream(4, "values", static_cast<uint64_t>(round));
      const auto merged = MakeCase(tensors, values, reads, &stream);
      const auto expected = Reference(*merged);
      ASSERT_TRUE(Merge(merged->steps, threads).ok());
      ExpectMerged(*merged, expected);
      if (threads == 1) bits = BitsOf(*merged);
      EXPECT_EQ(BitsOf(*merged), bits) << threads << " threads, plan " << round;
    }
  }
}

TEST(MergeTest, ChainsAndCyclesReadOldValues) {
  const std::vector<std::vector<std::vector<size_t>>> plans = {
      {{1}, {2}, {3}, {}},           // a chain
      {{}, {0}, {1}, {2}},           // the same, the other way round
      {{1}, {0}},                    // two that swap
      {{1}, {2}, {3}, {4}, {0}},     // a ring
      {{1, 2}, {2, 0}, {0, 1}, {3}}  // all of each other, and one beside, that reads itself
  };
  for (const auto& reads : plans) {
    std::vector<uint32_t> bits;
    for (const int threads : {1, 4}) {
      RandomStream stream(5, "values", reads.size());
      const auto merged = MakeCase(reads.size(), 70'000, reads, &stream);
      const auto expected = Reference(*merged);
      ASSERT_TRUE(Merge(merged->steps, threads).ok());
      ExpectMerged(*merged, expected);
      if (threads == 1) bits = BitsOf(*merged);
      EXPECT_EQ(BitsOf(*merged), bits);
    }
  }
}

TEST(MergeTest, ATensorWithoutAStepStaysAndKeepsItsSum) {
  RandomStream stream(6, "values");
  const auto merged = MakeCase(3, 10, {{1}, {0}, {}}, &stream);
  const std::vector<float> before = merged->tensors[2].values;
  const double sum = merged->sums->Value(2, 4);
  merged->steps.pop_back();
  ASSERT_TRUE(Merge(merged->steps, 2).ok());
  EXPECT_EQ(merged->tensors[2].values, before);
  EXPECT_EQ(merged->sums->Value(2, 4), sum);
}

TEST(MergeTest, AForeignTensorOfAnotherSizeIsInternalAndChangesNothing) {
  RandomStream stream(7, "values");
  const auto merged = MakeCase(2, 10, {{1}, {}}, &stream);
  const Tensor small = Tensor::Zeros({9});
  merged->steps[1].foreign.emplace_back(&small, 0.5);
  const std::vector<uint32_t> before = BitsOf(*merged);
  const double sum = merged->sums->Value(0, 0);
  EXPECT_EQ(Merge(merged->steps, 2).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(BitsOf(*merged), before);
  EXPECT_EQ(merged->sums->Value(0, 0), sum);
}

// Tensors of more than one job each, of which the last has no step; every other one is computed
// together with the one before it, whose old values it reads.
struct Followed {
  static constexpr size_t kTensors = 40;
  static constexpr int64_t kValues = 70'000;

  Followed() {
    for (size_t i = 0; i < kTensors; ++i) manifest.tensors.push_back({"t", {kValues}});
    sums = std::make_unique<Accumulator>(manifest);
    for (size_t i = 0; i + 1 < kTensors; ++i) {
      sums->Add(i, 0, std::vector<float>(kValues, static_cast<float>(i + 1)), 0.5);
      steps.push_back({.tensor = &tensors[i], .sums = sums.get(), .place = i, .factor = 2});
      if (i % 2 == 1) steps[i].foreign.emplace_back(&tensors[i - 1], 0.0);
    }
  }

  std::vector<Tensor> tensors = std::vector<Tensor>(kTensors, Tensor::Zeros({kValues}));
  Manifest manifest;
  std::unique_ptr<Accumulator> sums;
  std::vector<MergeStep> steps;
};

TEST(MergeTest, WhoeverWaitsForATensorFindsAllItsNewValues) {
  for (const int threads : {1, 3}) {
    Followed merged;
    std::vector<std::vector<float>> seen;
    const auto merge = RunningMerge::Start(merged.steps, threads);
    ASSERT_TRUE(merge.ok()) << merge.status();
    for (const Tensor& tensor : merged.tensors) {
      (*merge)->Await(tensor);
      seen.push_back(tensor.values);
    }
    ASSERT_EQ(seen.size(), Followed::kTensors);
    for (size_t i = 0; i < seen.size(); ++i) {
      const float expected = i + 1 < seen.size() ? static_cast<float>(i + 1) : 0;
      EXPECT_EQ(seen[i], std::vector<float>(Followed::kValues, expected)) << i;
    }
  }
}

TEST(MergeTest, IsDoneWithWhatNobodyWaitedFor) {
  Followed merged;
  const auto merge = RunningMerge::Start(merged.steps, 2);
  ASSERT_TRUE(merge.ok()) << merge.status();
  (*merge)->Await(merged.tensors[0]);
  (*merge)->Finish();
  EXPECT_EQ(merged.tensors[38].values.back(), 39);
  (*merge)->Finish();
  EXPECT_EQ(merged.tensors[38].values.back(), 39) << "and not done twice";
}

// Whoever is not interested any more (a disk that is full) leaves whole globals behind.
TEST(MergeTest, IsDoneWhenItsOwnerDropsIt) {
  Followed merged;
  ASSERT_TRUE(RunningMerge::Start(merged.steps, 3).ok());
  EXPECT_EQ(merged.tensors[38].values.back(), 39);
}

TEST(MergeTest, ARefusedMergeDoesNotStart) {
  Tensor tensor = Tensor::Zeros({4}), other = Tensor::Zeros({5});
  const Accumulator sums({{{"t", {4}}}});
  const std::vector<MergeStep> steps = {
      {.tensor = &tensor, .sums = &sums, .foreign = {{&other, 1.0}}}};
  EXPECT_EQ(RunningMerge::Start(steps, 2).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace tributary
