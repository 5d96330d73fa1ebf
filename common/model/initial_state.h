// The values of a global model before any training, without pretrained weights.
// Source: docs/algorithm.md section 1, "Initial values without pretraining".
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// Draws every parameter of `dataset`'s global from streams named by (seed, "init.<tensor>",
// dataset). Linear layers and the patch convolution: uniform in +-1/sqrt(fan in); embedding tables:
// standard normal, row 0 of the word table 0; norms 1 and 0; class token and image positions 0.
absl::StatusOr<StateDict> InitialState(const ModelSpec& spec, Modality modality, uint64_t seed,
                                       const std::string& dataset);

}  // namespace tributary
