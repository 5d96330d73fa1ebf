// Losses of local training. Source: docs/algorithm.md section 3.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "common/train/local_training.h"

namespace tributary {

// ln(1 / 0.07): where the logit scale starts, and stays unless it is learned.
extern const double kInitialLogitScale;

// CLIP's symmetric loss: (CE(s A B^T, i) + CE(s B A^T, i)) / 2 with s = exp(logit scale clamped to
// [0, ln 100]). `a`, `b`: [B,D] rows of norm 1; `logit_scale`: scalar. The clamp passes the
// gradient on to `logit_scale`.
at::Tensor ContrastiveLoss(const at::Tensor& a, const at::Tensor& b, const at::Tensor& logit_scale);

// The proximal term. Rule paper: mu / 2 * sum of squared differences; rule release: mu / 2 * sum
// over tensors of the norm of the difference, with gradient 0 where a tensor does not differ.
at::Tensor ProximalTerm(const std::vector<at::Tensor>& local, const std::vector<at::Tensor>& global,
                        double mu, ProximalRule rule);

}  // namespace tributary
