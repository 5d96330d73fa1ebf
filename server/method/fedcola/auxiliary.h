// Auxiliary weights of complementary training on the coordinator's side: pure functions.
// Source: docs/algorithm.md section 3, "Complementary training".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "server/aggregation/scope.h"

namespace tributary {

// Auxiliary weights before the first aggregation: each layer's own initial weight. `download`: the
// target's manifest with the names `*.aux_weight`. Result: those tensors alone, in that order.
absl::StatusOr<StateDict> InitialAuxiliary(const Manifest& download, const StateDict& global);

// Auxiliary weights after an aggregation: the weights of the first target of the other uni-modal
// modality in `targets`. Without such a target the present ones stay, as do other tensors than
// `*.aux_weight`.
absl::Status RefreshAuxiliary(const std::vector<Target>& targets,
                              const std::map<std::string, StateDict>& globals,
                              std::map<std::string, StateDict>* auxiliary);

}  // namespace tributary
