#include "common/tensor/manifest.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"

namespace tributary {
namespace {

std::string Describe(const Manifest& manifest, size_t index) {
  if (index >= manifest.tensors.size()) return "nothing";
  const TensorSpec& spec = manifest.tensors[index];
  return absl::StrCat(spec.name, " ", ShapeToString(spec.shape));
}

}  // namespace

Manifest Manifest::Of(const StateDict& state) {
  Manifest manifest;
  for (const StateDict::Entry& entry : state) {
    manifest.tensors.push_back({entry.name, entry.tensor.shape});
  }
  return manifest;
}

std::string Manifest::Digest() const {
  Sha256 hash;
  for (const TensorSpec& spec : tensors) {
    // docs/wire.md defines these lines, so that any client can compute the digest.
    hash.Add(absl::StrCat(spec.name, " f32 ", absl::StrJoin(spec.shape, "x"), "\n"));
  }
  return std::move(hash).Hex();
}

int64_t Manifest::ElementCount() const {
  int64_t count = 0;
  for (const TensorSpec& spec : tensors) count += tributary::ElementCount(spec.shape);
  return count;
}

absl::Status CheckSameManifest(const Manifest& found, const Manifest& expected) {
  const size_t most = std::max(found.tensors.size(), expected.tensors.size());
  for (size_t i = 0; i < most; ++i) {
    if (i < found.tensors.size() && i < expected.tensors.size() &&
        found.tensors[i] == expected.tensors[i]) {
      continue;
    }
    return absl::FailedPreconditionError(absl::StrCat("tensor ", i, " is ", Describe(found, i),
                                                      ", expected ", Describe(expected, i)));
  }
  return absl::OkStatus();
}

}  // namespace tributary
