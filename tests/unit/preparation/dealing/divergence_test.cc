#include "preparation/dealing/divergence.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(DivergenceTest, EqualDistributionsHaveNone) {
  EXPECT_DOUBLE_EQ(JensenShannon({1, 2, 3}, {10, 20, 30}), 0);
}

TEST(DivergenceTest, ClassesThatDoNotMeetAreABitApart) {
  EXPECT_DOUBLE_EQ(JensenShannon({5, 0}, {0, 7}), 1);
}

// H(3/8, 5/8) - (H(1/2, 1/2) + H(1/4, 3/4)) / 2, by hand.
TEST(DivergenceTest, IsTheEntropyOfTheMixtureAboveTheMeanEntropy) {
  EXPECT_NEAR(JensenShannon({1, 1}, {1, 3}), 0.0487949, 1e-7);
  EXPECT_DOUBLE_EQ(JensenShannon({1, 1}, {1, 3}), JensenShannon({1, 3}, {1, 1}));
}

TEST(DivergenceTest, AnEmptyClientIsLikeAnyOther) {
  EXPECT_DOUBLE_EQ(JensenShannon({0, 0}, {1, 3}), 0);
}

TEST(DivergenceTest, AllPairsOfClientsCount) {
  const ClientDivergence divergence = DivergenceOf({{4, 0}, {0, 4}, {8, 0}});
  EXPECT_DOUBLE_EQ(divergence.least, 0);
  EXPECT_DOUBLE_EQ(divergence.most, 1);
  EXPECT_DOUBLE_EQ(divergence.mean, 2.0 / 3);
  EXPECT_DOUBLE_EQ(DivergenceOf({{4, 0}}).mean, 0);
}

}  // namespace
}  // namespace tributary
