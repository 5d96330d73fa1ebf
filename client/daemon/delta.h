// A client's update: its trained weights minus those that it pulled.
// Source: docs/algorithm.md section 4; docs/architecture.md section 4, "The life of an update".
#pragma once

#include "absl/status/status.h"
#include "common/tensor/manifest.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// weights <- weights - pulled, parameter by parameter; other tensors (IsPlain()) stay as they are.
// `weights` must hold exactly the tensors of `upload`, in its order, and `pulled` at least its
// parameters: Internal otherwise. OutOfRange, naming the tensor, if a value is not finite: such an
// update would be refused.
absl::Status SubtractPulled(const StateDict& pulled, const Manifest& upload, StateDict* weights);

}  // namespace tributary
