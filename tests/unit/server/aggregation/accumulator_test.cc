#include "server/aggregation/accumulator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "server/aggregation/fixed_point.h"

namespace tributary {
namespace {

constexpr size_t kValues = 257;
const Manifest kManifest{{{"w", {kValues}}, {"b", {3}}}};

struct Update {
  std::vector<float> values;
  double weight;
};

// Updates whose magnitudes span 20 orders; the weights sum to 1.
std::vector<Update> Adversarial(size_t count) {
  RandomStream stream(5, "accumulator_test");
  std::vector<Update> updates(count);
  double sum = 0;
  for (Update& update : updates) {
    update.weight = stream.Uniform() + 1e-3;
    sum += update.weight;
    update.values.resize(kValues);
    for (float& value : update.values) {
      value = static_cast<float>(stream.Normal() * std::pow(10, 20 * stream.Uniform() - 15));
    }
  }
  for (Update& update : updates) update.weight /= sum;
  return updates;
}

std::vector<double> Sum(const Accumulator& accumulator) {
  std::vector<double> values(kValues);
  for (size_t i = 0; i < kValues; ++i) values[i] = accumulator.Value(0, i);
  return values;
}

TEST(AccumulatorTest, AnyOrderGivesTheSameBits) {
  std::vector<Update> updates = Adversarial(20);
  Accumulator first(kManifest);
  for (const Update& update : updates) first.Add(0, 0, update.values, update.weight);
  RandomStream stream(1, "order");
  for (int attempt = 0; attempt < 10; ++attempt) {
    stream.Shuffle(absl::MakeSpan(updates));
    Accumulator other(kManifest);
    for (const Update& update : updates) other.Add(0, 0, update.values, update.weight);
    EXPECT_EQ(Sum(other), Sum(first));
  }
}

TEST(AccumulatorTest, AnyChunkingThreadingAndSplitGivesTheSameBits) {
  const std::vector<Update> updates = Adversarial(16);
  Accumulator whole(kManifest);
  for (const Update& update : updates) whole.Add(0, 0, update.values, update.weight);
  Accumulator left(kManifest), right(kManifest);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < updates.size(); ++i) {
    threads.emplace_back([&, i] {
      Accumulator& part = i % 2 == 0 ? left : right;
      for (size_t begin = 0; begin < kValues; begin += i + 1) {
        part.Add(0, begin, absl::MakeConstSpan(updates[i].values).subspan(begin, i + 1),
                 updates[i].weight);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  left.MergeWith(right);
  EXPECT_EQ(Sum(left), Sum(whole));
}

TEST(AccumulatorTest, IsWithinATenMillionthOfFloat64) {
  const std::vector<Update> updates = Adversarial(50);
  Accumulator accumulator(kManifest);
  std::vector<double> reference(kValues);
  for (const Update& update : updates) {
    accumulator.Add(0, 0, update.values, update.weight);
    for (size_t i = 0; i < kValues; ++i) reference[i] += update.weight * update.values[i];
  }
  for (size_t i = 0; i < kValues; ++i) EXPECT_NEAR(accumulator.Value(0, i), reference[i], 1e-7);
}

TEST(AccumulatorTest, TheLargestAcceptedValuesDoNotOverflow) {
  Accumulator accumulator(kManifest);
  const std::vector<float> largest(3, kLargestDelta);
  // Weights that add up to 2: the most that can meet in one sum.
  for (int i = 0; i < 1000; ++i) accumulator.Add(1, 0, largest, 0.002);
  EXPECT_NEAR(accumulator.Value(1, 0), 2.0 * kLargestDelta, 1e-3);
}

TEST(AccumulatorTest, ReadingInPiecesGivesTheSums) {
  const std::vector<Update> updates = Adversarial(5);
  Accumulator accumulator(kManifest);
  for (const Update& update : updates) accumulator.Add(0, 0, update.values, update.weight);
  std::vector<int64_t> read(kValues, -1);
  accumulator.Read(0, 0, absl::MakeSpan(read).first(100));
  accumulator.Read(0, 100, absl::MakeSpan(read).subspan(100));
  std::vector<double> numbers(kValues);
  ReadFixedPoint(read, absl::MakeSpan(numbers));
  EXPECT_EQ(numbers, Sum(accumulator));
}

TEST(AccumulatorTest, ResettingKeepsNothing) {
  Accumulator accumulator(kManifest);
  accumulator.Add(0, 5, std::vector<float>{2, 2}, 0.5);
  accumulator.Add(1, 2, std::vector<float>{2}, 0.5);
  accumulator.Reset();
  EXPECT_EQ(Sum(accumulator), std::vector<double>(kValues));
  EXPECT_EQ(accumulator.Value(1, 2), 0);
  // Also not in front of, or behind, what is added then.
  accumulator.Add(0, 6, std::vector<float>{4}, 0.5);
  EXPECT_EQ(accumulator.Value(0, 5), 0);
  EXPECT_EQ(accumulator.Value(0, 6), 2);
  accumulator.Reset();
  accumulator.Add(0, 4, std::vector<float>{4, 4}, 0.5);
  EXPECT_EQ(accumulator.Value(0, 5), 2);
  EXPECT_EQ(accumulator.Value(0, 6), 0);
}

TEST(AccumulatorTest, MergingWithOneThatWasWrittenFurtherTakesAllOfIt) {
  Accumulator left(kManifest), right(kManifest);
  left.Add(0, 0, std::vector<float>(kValues, 8), 0.5);
  left.Reset();
  left.Add(0, 1, std::vector<float>{2}, 0.5);
  right.Add(0, 200, std::vector<float>{2}, 0.5);
  left.MergeWith(right);
  std::vector<double> expected(kValues);
  expected[1] = expected[200] = 1;
  EXPECT_EQ(Sum(left), expected);
}

// Tensors are locked in stripes of 65,536 values.
TEST(AccumulatorTest, UpdatesThatCrossStripesAtOnceAddUp) {
  constexpr size_t kLong = 200'000;
  Accumulator accumulator({{{"long", {kLong}}}});
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::vector<float> ones(30'000 + 7 * i, 1);
      for (size_t begin = 0; begin < kLong; begin += ones.size()) {
        const size_t count = std::min(ones.size(), kLong - begin);
        accumulator.Add(0, begin, absl::MakeConstSpan(ones).first(count), 0.25);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int64_t> sums(kLong);
  accumulator.Read(0, 0, absl::MakeSpan(sums));
  EXPECT_EQ(sums, std::vector<int64_t>(kLong, static_cast<int64_t>(kFixedPointOne)));
}

TEST(AccumulatorTest, TensorsAndOffsetsAreKeptApart) {
  Accumulator accumulator(kManifest);
  accumulator.Add(1, 1, std::vector<float>{2}, 0.5);
  EXPECT_EQ(accumulator.Value(1, 0), 0);
  EXPECT_EQ(accumulator.Value(1, 1), 1);
  EXPECT_EQ(accumulator.Value(0, 1), 0);
}

}  // namespace
}  // namespace tributary
