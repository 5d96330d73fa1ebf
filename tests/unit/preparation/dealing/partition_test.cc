#include "preparation/dealing/partition.h"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

namespace tributary {
namespace {

StreamDraws Draws(uint64_t seed) { return StreamDraws(RandomStream(seed, "partition")); }

// Every sample once.
void ExpectWhole(const Partition& partition, size_t samples) {
  std::set<int64_t> seen;
  size_t count = 0;
  for (const auto& hand : partition) {
    count += hand.size();
    seen.insert(hand.begin(), hand.end());
  }
  EXPECT_EQ(count, samples);
  EXPECT_EQ(seen.size(), samples);
}

TEST(PartitionTest, IidDealsOutEverythingInEqualRuns) {
  StreamDraws draws = Draws(1);
  const Partition partition = PartitionIid(103, 4, &draws);
  ExpectWhole(partition, 103);
  for (const auto& hand : partition) EXPECT_NEAR(static_cast<double>(hand.size()), 25.75, 1);
}

TEST(PartitionTest, DirichletGivesEveryClientTenSamples) {
  std::vector<int32_t> labels;
  for (int i = 0; i < 300; ++i) labels.push_back(i % 5);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    StreamDraws draws = Draws(seed);
    const auto partition = PartitionDirichlet(labels, 5, 6, 0.1, &draws);
    ASSERT_TRUE(partition.ok()) << partition.status();
    ExpectWhole(*partition, labels.size());
    for (const auto& hand : *partition) EXPECT_GE(hand.size(), 10u);
  }
}

TEST(PartitionTest, TooFewSamplesForTenEachAreRefused) {
  StreamDraws draws = Draws(1);
  EXPECT_EQ(PartitionDirichlet(std::vector<int32_t>(39, 0), 1, 4, 0.5, &draws).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Equal proportions always; gives up where a partition asks for more than it can need.
class EqualDraws : public PartitionDraws {
 public:
  void Shuffle(std::vector<int64_t>* /*items*/) override {}
  std::vector<double> Dirichlet(double /*alpha*/, size_t parts) override {
    if (++dirichlets_ > 100) throw std::runtime_error("draws without end");
    return std::vector<double>(parts, 1.0 / static_cast<double>(parts));
  }
  double Uniform(double low, double /*high*/) override { return low; }

 private:
  int dirichlets_ = 0;
};

TEST(PartitionTest, AClassWithoutSamplesIsDealtOutWhenAllClientsAreFull) {
  EqualDraws draws;
  const auto partition = PartitionDirichlet(std::vector<int32_t>(20, 0), 2, 2, 0.5, &draws);
  ASSERT_TRUE(partition.ok()) << partition.status();
  ExpectWhole(*partition, 20);
  for (const auto& hand : *partition) EXPECT_EQ(hand.size(), 10u);
}

TEST(PartitionTest, CaptionsOfAnImageStayTogether) {
  StreamDraws draws = Draws(2);
  const Partition partition = PartitionPairs(200, 5, 4, &draws);
  std::set<int64_t> seen;
  for (const auto& hand : partition) {
    ASSERT_EQ(hand.size() % 5, 0u);
    for (size_t i = 0; i < hand.size(); i += 5) {
      EXPECT_EQ(hand[i] % 5, 0);
      for (size_t c = 0; c < 5; ++c) {
        EXPECT_EQ(hand[i + c], hand[i] + static_cast<int64_t>(c));
        EXPECT_TRUE(seen.insert(hand[i + c]).second);
      }
    }
    // Each keeps 95 to 99 % of its 50 images.
    EXPECT_GE(hand.size(), 47u * 5);
    EXPECT_LE(hand.size(), 49u * 5);
  }
}

TEST(PartitionTest, AnAlphaThatCannotBeDrawnWithIsRefused) {
  StreamDraws draws = Draws(1);
  const std::vector<int32_t> labels(100, 0);
  for (const double alpha : {0.0, -1.0, 1e-300, 1e300, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    const absl::Status status = PartitionDirichlet(labels, 1, 2, alpha, &draws).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << alpha;
    EXPECT_FALSE(CheckAlpha(alpha).ok()) << alpha;
  }
  EXPECT_TRUE(CheckAlpha(kLeastAlpha).ok());
  EXPECT_TRUE(CheckAlpha(kMostAlpha).ok());
}

// Gives everything to the first client, which is full after the first class.
class OneSidedDraws : public EqualDraws {
 public:
  std::vector<double> Dirichlet(double /*alpha*/, size_t parts) override {
    std::vector<double> point(parts);
    point[0] = 1;
    return point;
  }
};

TEST(PartitionTest, DrawsThatNeverFitEndInAnError) {
  OneSidedDraws draws;
  std::vector<int32_t> labels(40, 0);
  for (size_t i = 30; i < 40; ++i) labels[i] = 1;
  EXPECT_EQ(PartitionDirichlet(labels, 2, 2, 0.5, &draws).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tributary
