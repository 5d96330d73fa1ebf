#include "common/train/losses.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

namespace tributary {

const double kInitialLogitScale = std::log(1 / 0.07);

at::Tensor ContrastiveLoss(const at::Tensor& a, const at::Tensor& b,
                           const at::Tensor& logit_scale) {
  // The value is clamped, the gradient is not (a straight-through estimator): a scale beyond its
  // bounds can still come back. The difference is detached, so that its own gradient is 0.
  const at::Tensor clamped =
      logit_scale + (logit_scale.detach().clamp(0, std::log(100.0)) - logit_scale.detach());
  const at::Tensor logits = clamped.exp() * at::matmul(a, b.t());
  const at::Tensor labels = at::arange(a.size(0), at::TensorOptions(at::kLong).device(a.device()));
  return (at::cross_entropy_loss(logits, labels) + at::cross_entropy_loss(logits.t(), labels)) / 2;
}

at::Tensor ProximalTerm(const std::vector<at::Tensor>& local, const std::vector<at::Tensor>& global,
                        double mu, ProximalRule rule) {
  at::Tensor sum = at::zeros({}, local.front().options().requires_grad(false));
  for (size_t i = 0; i < local.size(); ++i) {
    const at::Tensor difference = local[i] - global[i];
    // In the first step nothing differs yet. linalg_vector_norm has the gradient 0 there, as the
    // release's norm; a square root of the sum of squares would give NaN.
    sum = sum + (rule == ProximalRule::kPaper ? difference.square().sum()
                                              : at::linalg_vector_norm(difference, 2));
  }
  return sum * (mu / 2);
}

}  // namespace tributary
