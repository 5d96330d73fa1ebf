// Between host tensors and LibTorch's.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "common/tensor/tensor.h"

namespace tributary {

// A float tensor on `device` with the values of `tensor`, which it does not refer to afterwards.
at::Tensor ToTorch(const Tensor& tensor, c10::Device device);

// The values of a float tensor, of any device and layout, without its history.
Tensor FromTorch(const at::Tensor& tensor);

}  // namespace tributary
