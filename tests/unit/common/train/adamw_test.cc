#include "common/train/adamw.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

at::Tensor Leaf(double value, int64_t size = 2) {
  return at::full({size}, value, at::kFloat).set_requires_grad(true);
}

float First(const at::Tensor& tensor) { return tensor[0].item<float>(); }

TEST(AdamWTest, TheFirstStepHasTheLengthOfTheRate) {
  const at::Tensor x = Leaf(1);
  AdamW optimizer({x}, 0.1, 0);
  (x * 123).sum().backward();
  optimizer.Step();
  EXPECT_NEAR(First(x), 0.9, 1e-6);
}

// The update written out from the paper, in double precision.
TEST(AdamWTest, FollowsTheFormulaWithDecay) {
  const at::Tensor x = Leaf(2);
  AdamW optimizer({x}, 0.05, 0.1);
  double w = 2, m = 0, v = 0;
  for (int step = 1; step <= 10; ++step) {
    optimizer.ZeroGradients();
    (x * x * x).sum().backward();
    optimizer.Step();
    const double g = 3 * w * w;
    w *= 1 - 0.05 * 0.1;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -= 0.05 * (m / (1 - std::pow(0.9, step))) /
         (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
    ASSERT_NEAR(First(x), w, 1e-5) << "step " << step;
  }
}

TEST(AdamWTest, ParametersWithoutGradientStay) {
  const at::Tensor used = Leaf(1), unused = Leaf(1);
  AdamW optimizer({used, unused}, 0.1, 0.5);
  used.sum().backward();
  optimizer.Step();
  EXPECT_NE(First(used), 1);
  EXPECT_EQ(First(unused), 1) << "not even by decay, as in torch";
}

TEST(AdamWTest, WithoutAnyGradientNothingHappens) {
  const at::Tensor x = Leaf(1);
  AdamW optimizer({x}, 0.1, 0);
  optimizer.ClipGradients(1);
  optimizer.Step();
  EXPECT_EQ(First(x), 1);
}

TEST(AdamWTest, GradientsDoNotAddUpOnceForgotten) {
  const at::Tensor x = Leaf(1);
  AdamW optimizer({x}, 0.1, 0);
  x.sum().backward();
  optimizer.ZeroGradients();
  x.sum().backward();
  EXPECT_EQ(x.grad()[0].item<float>(), 1);
}

TEST(AdamWTest, ClipsTheCommonNorm) {
  const at::Tensor a = Leaf(0, 9), b = Leaf(0, 16);
  AdamW optimizer({a, b}, 0.1, 0);
  (a.sum() + b.sum()).backward();  // norms 3 and 4, together 5
  optimizer.ClipGradients(1);
  EXPECT_NEAR(at::linalg_vector_norm(a.grad(), 2).item<float>(), 0.6, 1e-5);
  EXPECT_NEAR(at::linalg_vector_norm(b.grad(), 2).item<float>(), 0.8, 1e-5);
}

TEST(AdamWTest, LeavesShortGradientsAsTheyAre) {
  const at::Tensor x = Leaf(0, 4);
  AdamW optimizer({x}, 0.1, 0);
  x.sum().backward();
  optimizer.ClipGradients(100);
  EXPECT_EQ(x.grad()[0].item<float>(), 1);
}

}  // namespace
}  // namespace tributary
