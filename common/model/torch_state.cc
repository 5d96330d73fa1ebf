#include "common/model/torch_state.h"

#include <ATen/ops/from_blob.h>

namespace tributary {

at::Tensor ToTorch(const Tensor& tensor, c10::Device device) {
  // from_blob() does not own the values; clone(), or the copy to another device, makes the result
  // independent of `tensor`. The const_cast is safe because nobody writes through `view`.
  const at::Tensor view =
      at::from_blob(const_cast<float*>(tensor.values.data()), tensor.shape, at::kFloat);
  return device.is_cpu() ? view.clone() : view.to(device);
}

Tensor FromTorch(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  Tensor result{.shape = host.sizes().vec(), .values = {}};
  const auto* begin = host.const_data_ptr<float>();
  result.values.assign(begin, begin + host.numel());
  return result;
}

}  // namespace tributary
