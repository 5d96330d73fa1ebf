// Manifest: names and shapes of a StateDict, on which client and coordinator agree when a client
// joins.
//
// A receiver refuses whatever its manifest does not list. Its digest is SHA-256 over one line per
// tensor, in order:
// "<name> f32 <d0>x<d1>x...\n" (a scalar has an empty shape).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/tensor/state_dict.h"
#include "common/tensor/tensor.h"

namespace tributary {

struct TensorSpec {
  std::string name;
  Shape shape;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

struct Manifest {
  std::vector<TensorSpec> tensors;

  static Manifest Of(const StateDict& state);
  std::string Digest() const;
  int64_t ElementCount() const;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// OK if both list the same tensors in the same order. Otherwise FailedPrecondition that names the
// first tensor that differs, what was `found` and what `expected` says.
absl::Status CheckSameManifest(const Manifest& found, const Manifest& expected);

}  // namespace tributary
