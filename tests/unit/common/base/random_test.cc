#include "common/base/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(RandomTest, TheSameNameGivesTheSameNumbers) {
  RandomStream a(7, "sampling", 3, "site-1");
  RandomStream b(7, "sampling", 3, "site-1");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next(), b.Next());
}

TEST(RandomTest, EveryPartOfTheNameMatters) {
  std::set<uint64_t> firsts;
  firsts.insert(RandomStream(1, "a", 0, "bc").Next());
  firsts.insert(RandomStream(2, "a", 0, "bc").Next());
  firsts.insert(RandomStream(1, "b", 0, "bc").Next());
  firsts.insert(RandomStream(1, "a", 1, "bc").Next());
  firsts.insert(RandomStream(1, "ab", 0, "c").Next());
  EXPECT_EQ(firsts.size(), 5u);
}

TEST(RandomTest, NumbersDoNotChangeBetweenReleases) {
  // Runs must be repeatable by later builds: these values are part of the contract.
  RandomStream stream(1, "sampling", 2, "client");
  EXPECT_EQ(stream.Next(), 0xD6AA7A3505D3DEC0ULL);
  EXPECT_EQ(stream.Next(), 0xB9027211E78ED10EULL);
}

TEST(RandomTest, UniformHasTheRightMoments) {
  RandomStream stream(1, "uniform");
  double sum = 0, squares = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = stream.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 0.005);
}

TEST(RandomTest, BelowIsUnbiasedAndInRange) {
  RandomStream stream(1, "below");
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[stream.Below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(RandomTest, NormalAndGammaHaveTheRightMoments) {
  RandomStream stream(1, "moments");
  double normal_sum = 0, normal_squares = 0, gamma_sum = 0, small_gamma_sum = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.Normal();
    normal_sum += x;
    normal_squares += x * x;
    gamma_sum += stream.Gamma(3);
    small_gamma_sum += stream.Gamma(0.5);
  }
  EXPECT_NEAR(normal_sum / kDraws, 0, 0.02);
  EXPECT_NEAR(normal_squares / kDraws, 1, 0.02);
  EXPECT_NEAR(gamma_sum / kDraws, 3, 0.03);
  EXPECT_NEAR(small_gamma_sum / kDraws, 0.5, 0.02);
}

TEST(RandomTest, DirichletPointsSumToOne) {
  RandomStream stream(1, "dirichlet");
  for (const double alpha : {0.001, 0.5, 100.0}) {
    const std::vector<double> point = stream.Dirichlet(alpha, 12);
    EXPECT_NEAR(std::accumulate(point.begin(), point.end(), 0.0), 1, 1e-12);
  }
}

TEST(RandomTest, ShuffleKeepsTheItems) {
  std::vector<int> items(1000);
  std::iota(items.begin(), items.end(), 0);
  RandomStream(1, "shuffle").Shuffle(absl::MakeSpan(items));
  EXPECT_FALSE(std::is_sorted(items.begin(), items.end()));
  std::sort(items.begin(), items.end());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(items[static_cast<size_t>(i)], i);
}

}  // namespace
}  // namespace tributary
