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

// Distributions are part of the contract as well: what each makes of the bits of a twin stream.
RandomStream Twin() { return RandomStream(11, "twin", 4, "site-2"); }

TEST(RandomTest, UniformIsTheUpperBits) {
  RandomStream stream = Twin(), bits = Twin();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(stream.Uniform(), std::ldexp(static_cast<double>(bits.Next() >> 11), -53));
  }
}

TEST(RandomTest, BelowIsTheRemainderOfTheFirstNumberThatIsFair) {
  // 3 * 2^62 leaves a quarter of all numbers unfair.
  constexpr uint64_t kBound = uint64_t{3} << 62;
  constexpr uint64_t kUnfair = (~uint64_t{0} % kBound + 1) % kBound;
  RandomStream stream = Twin(), bits = Twin();
  int refused = 0;
  for (int i = 0; i < 1'000; ++i) {
    uint64_t value = bits.Next();
    for (; value < kUnfair; value = bits.Next()) ++refused;
    EXPECT_EQ(stream.Below(kBound), value % kBound);
  }
  EXPECT_GT(refused, 200);
}

TEST(RandomTest, BelowOneIsZeroAndTakesANumber) {
  RandomStream stream = Twin(), bits = Twin();
  EXPECT_EQ(stream.Below(1), 0u);
  bits.Next();
  EXPECT_EQ(stream.Next(), bits.Next());
}

TEST(RandomTest, NormalIsBoxAndMullers) {
  RandomStream stream = Twin(), uniform = Twin();
  for (int i = 0; i < 100; ++i) {
    const double u = uniform.Uniform(), v = uniform.Uniform();
    EXPECT_NEAR(stream.Normal(), std::sqrt(-2 * std::log(1 - u)) * std::cos(6.283185307179586 * v),
                1e-12);
  }
}

TEST(RandomTest, ShuffleIsFisherAndYatessFromTheEnd) {
  RandomStream stream = Twin(), twin = Twin();
  std::vector<char> items = {'a', 'b', 'c', 'd', 'e', 'f', 'g'}, expected = items;
  stream.Shuffle(absl::MakeSpan(items));
  for (size_t i = expected.size() - 1; i >= 1; --i) {
    std::swap(expected[i], expected[twin.Below(i + 1)]);
  }
  EXPECT_EQ(items, expected);
  EXPECT_EQ(stream.Next(), twin.Next()) << "it draws no more than it needs";
}

TEST(RandomTest, NothingIsDrawnToShuffleOneItem) {
  RandomStream stream = Twin(), twin = Twin();
  std::vector<int> none, one = {1};
  stream.Shuffle(absl::MakeSpan(none));
  stream.Shuffle(absl::MakeSpan(one));
  EXPECT_EQ(stream.Next(), twin.Next());
}

TEST(RandomTest, EveryOrderIsAsLikely) {
  RandomStream stream(3, "orders");
  std::vector<int> counts(6);
  for (int i = 0; i < 60'000; ++i) {
    std::vector<int> items = {0, 1, 2};
    stream.Shuffle(absl::MakeSpan(items));
    ++counts[static_cast<size_t>(items[0] * 2 + (items[1] > items[2] ? 1 : 0))];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(RandomTest, DirichletHasTheRightMomentsAndNeverLacksASum) {
  RandomStream stream(5, "dirichlet");
  double sum = 0, squares = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const double part = stream.Dirichlet(0.5, 4)[1];
    ASSERT_GE(part, 0);
    sum += part;
    squares += part * part;
  }
  // Beta(0.5, 1.5): mean 1/4, variance a b / ((a + b)^2 (a + b + 1)) = 0.0625.
  EXPECT_NEAR(sum / kDraws, 0.25, 0.01);
  EXPECT_NEAR(squares / kDraws - 0.25 * 0.25, 0.0625, 0.003);
  EXPECT_EQ(stream.Dirichlet(0.5, 1), std::vector<double>{1});
  // So small an alpha lets every part underflow to 0, but for a draw now and then.
  const std::vector<double> point = stream.Dirichlet(1e-3, 3);
  EXPECT_NEAR(point[0] + point[1] + point[2], 1, 1e-12);
}

}  // namespace
}  // namespace tributary
