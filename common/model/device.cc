#include "common/model/device.h"

#include <filesystem>

#include <ATen/Context.h>
#include <dlfcn.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

// The folder that libtorch_cpu.so was loaded from.
std::string LibTorchFolder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) == 0) return "";
  return std::filesystem::path(info.dli_fname).parent_path().string();
}

absl::Status LoadCuda() {
  const std::string path = LibTorchFolder() + "/libtorch_cuda.so";
  // RTLD_GLOBAL, because libtorch_cuda registers its kernels in libtorch_cpu's dispatch tables when
  // it is loaded. It is never closed: those tables keep pointers into it.
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "device cuda: cannot load ", path, ": ", dlerror(),  // NOLINT(concurrency-mt-unsafe)
        "; fetch LibTorch with deploy/fetch-libtorch.sh --cuda, or use --device cpu"));
  }
  if (!at::hasCUDA()) {
    // The library loads on any machine; only now it asks the driver for a device.
    return absl::FailedPreconditionError("device cuda: no CUDA device answers; use --device cpu");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<c10::Device> OpenDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const bool automatic = name == "auto";
  if (!automatic && name != "cuda" && !absl::StartsWith(name, "cuda:")) {
    return absl::InvalidArgumentError(
        absl::StrCat("device \"", name, "\" is unknown; expected cpu, cuda, cuda:N or auto"));
  }
  try {
    const absl::Status loaded = LoadCuda();
    // c10::Device parses "cuda:N" and throws for what is no number.
    if (loaded.ok()) return c10::Device(automatic ? "cuda" : name);
    if (automatic) return c10::Device(c10::kCPU);
    return loaded;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("device \"", name, "\": ", error.what()));
  }
}

}  // namespace tributary
