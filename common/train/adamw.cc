#include "common/train/adamw.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace tributary {
namespace {

constexpr double kClipEps = 1e-6;  // as in torch.nn.utils.clip_grad_norm_, so that results agree

}  // namespace

AdamW::AdamW(std::vector<at::Tensor> parameters, double learning_rate, double weight_decay)
    : parameters_(std::move(parameters)),
      learning_rate_(learning_rate),
      weight_decay_(weight_decay) {
  const at::NoGradGuard no_gradients;
  for (const at::Tensor& parameter : parameters_) {
    moments1_.push_back(at::zeros_like(parameter));
    moments2_.push_back(at::zeros_like(parameter));
    // A step count for each parameter: a parameter that has no gradient in a step skips it, and its
    // bias correction must not count it.
    steps_.push_back(at::zeros({}, parameter.options().requires_grad(false)));
  }
}

void AdamW::Step() {
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> parameters, gradients, moments1, moments2, steps;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].grad().defined()) continue;
    parameters.push_back(parameters_[i]);
    gradients.push_back(parameters_[i].grad());
    moments1.push_back(moments1_[i]);
    moments2.push_back(moments2_[i]);
    steps.push_back(steps_[i].add_(1));
  }
  if (parameters.empty()) return;
  at::_fused_adamw_(parameters, gradients, moments1, moments2, {}, steps, learning_rate_,
                    kAdamWBeta1, kAdamWBeta2, weight_decay_, kAdamWEps, /*amsgrad=*/false,
                    /*maximize=*/false);
}

// Drops the tensors instead of filling them with zeros: a parameter that gets no gradient in the
// next pass must be skipped, while a gradient of zero would still move it by its momentum.
void AdamW::ZeroGradients() {
  for (at::Tensor& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
}

void AdamW::ClipGradients(double most) {
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> norms;
  for (const at::Tensor& parameter : parameters_) {
    if (parameter.grad().defined()) norms.push_back(at::linalg_vector_norm(parameter.grad(), 2));
  }
  if (norms.empty()) return;
  const at::Tensor norm = at::linalg_vector_norm(at::stack(norms), 2);
  // Applied even where it is 1: asking whether it is would wait for the device.
  const at::Tensor factor = (most / (norm + kClipEps)).clamp_max(1.0);
  for (const at::Tensor& parameter : parameters_) {
    if (parameter.grad().defined()) parameter.grad().mul_(factor);
  }
}

}  // namespace tributary
