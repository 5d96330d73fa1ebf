// Where tensors are computed: the CPU, or a CUDA device whose libraries are taken up at run time.
#pragma once

#include <string>

#include <c10/core/Device.h>

#include "absl/status/statusor.h"

namespace tributary {

// "cpu", "cuda", "cuda:1", or "auto" (CUDA where there is a device, else the CPU). For CUDA,
// libtorch_cuda.so is loaded from beside libtorch_cpu.so; the binaries are not linked with it.
// FailedPrecondition if CUDA is asked for and its libraries or a device are missing,
// InvalidArgument for another word.
absl::StatusOr<c10::Device> OpenDevice(const std::string& name);

}  // namespace tributary
