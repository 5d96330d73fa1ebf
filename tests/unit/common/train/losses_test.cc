#include "common/train/losses.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

at::Tensor Scale(double value) { return at::full({}, value, at::kFloat).set_requires_grad(true); }

TEST(ContrastiveLossTest, PairsThatMatchAloneHaveALossNearZero) {
  const at::Tensor rows = at::eye(4);
  EXPECT_LT(ContrastiveLoss(rows, rows, Scale(std::log(100.0))).item<float>(), 1e-6F);
}

TEST(ContrastiveLossTest, RowsThatAreAllTheSameHaveTheLossOfAGuess) {
  const at::Tensor rows = at::ones({4, 1});
  EXPECT_NEAR(ContrastiveLoss(rows, rows, Scale(kInitialLogitScale)).item<float>(), std::log(4.0),
              1e-5);
}

TEST(ContrastiveLossTest, BothDirectionsCountTheSame) {
  const at::Tensor a = at::eye(3), b = at::eye(3).roll(1, 0) * 0.6 + at::eye(3) * 0.8;
  EXPECT_FLOAT_EQ(ContrastiveLoss(a, b, Scale(1)).item<float>(),
                  ContrastiveLoss(b, a, Scale(1)).item<float>());
}

TEST(ContrastiveLossTest, ASingleRowHasNoLoss) {
  const at::Tensor row = at::ones({1, 1}).set_requires_grad(true);
  const at::Tensor loss = ContrastiveLoss(row, at::ones({1, 1}), Scale(1));
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0);
  EXPECT_EQ(row.grad().item<float>(), 0);
}

TEST(ContrastiveLossTest, ClampsTheScaleAndPassesItsGradientOn) {
  const at::Tensor a = at::eye(2), b = at::eye(2).flip(0);
  const at::Tensor beyond = Scale(50), most = Scale(std::log(100.0));
  const at::Tensor loss = ContrastiveLoss(a, b, beyond), expected = ContrastiveLoss(a, b, most);
  EXPECT_NEAR(loss.item<float>(), expected.item<float>(), 1e-3);
  loss.backward();
  EXPECT_GT(beyond.grad().item<float>(), 1);
}

TEST(ProximalTermTest, IsZeroWithoutADifference) {
  const at::Tensor local = at::ones({3}).set_requires_grad(true);
  for (const ProximalRule rule : {ProximalRule::kPaper, ProximalRule::kRelease}) {
    local.mutable_grad() = at::Tensor();
    const at::Tensor term = ProximalTerm({local}, {at::ones({3})}, 2, rule);
    term.backward();
    EXPECT_EQ(term.item<float>(), 0);
    EXPECT_EQ(local.grad().abs().sum().item<float>(), 0) << "and no NaN";
  }
}

TEST(ProximalTermTest, SquaresUnderRulePaperOnly) {
  const at::Tensor local = at::full({4}, 3.0F), global = at::full({4}, 1.0F);
  EXPECT_FLOAT_EQ(ProximalTerm({local}, {global}, 0.5, ProximalRule::kPaper).item<float>(),
                  0.25F * 16);
  EXPECT_FLOAT_EQ(ProximalTerm({local}, {global}, 0.5, ProximalRule::kRelease).item<float>(),
                  0.25F * 4);
}

}  // namespace
}  // namespace tributary
