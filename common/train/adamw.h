// AdamW over a list of tensors, by ATen's fused kernel.
// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization"; constants as in
// docs/algorithm.md section 3.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace tributary {

inline constexpr double kAdamWBeta1 = 0.9, kAdamWBeta2 = 0.999, kAdamWEps = 1e-8;

class AdamW {
 public:
  // `parameters`: leaves of one device.
  AdamW(std::vector<at::Tensor> parameters, double learning_rate, double weight_decay);

  // One step along the gradients; parameters without one stay.
  void Step();
  // Forgets the gradients.
  void ZeroGradients();
  // Scales all gradients so that their common L2 norm is at most `most`, as torch's clip_grad_norm_
  // does.
  void ClipGradients(double most);

 private:
  std::vector<at::Tensor> parameters_, moments1_, moments2_, steps_;
  double learning_rate_, weight_decay_;
};

}  // namespace tributary
