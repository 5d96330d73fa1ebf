// The globals of a new run: drawn from the seed, and pretrained weights where the run file names
// them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tensor/state_dict.h"
#include "server/registry/run_context.h"

namespace tributary {

// What was done to one dataset's global.
struct InitialNote {
  std::string dataset;
  std::string message;  // for a person: taken, fitted, skipped, left random
  std::vector<std::string> taken = {}, skipped = {}, random = {};
};

struct InitialModels {
  std::map<std::string, StateDict> globals;  // by dataset
  std::vector<InitialNote> notes;            // empty without pretrained weights
};

// Errors of a pretrained file begin with its key: "init.image: ...".
absl::StatusOr<InitialModels> MakeInitialModels(const RunContext& context);

}  // namespace tributary
