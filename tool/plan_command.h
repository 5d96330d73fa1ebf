// `tributary plan`: who would contribute which parameters to whom, with which coefficients.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct PlanCommand {
  std::string run_file;
  std::vector<std::string> overrides;
  bool json = false;
};

void AddPlanFlags(CLI::App* app, PlanCommand* command);

// For a round in which every client of the run file reports; sample counts come from the shards.
absl::Status RunPlan(const PlanCommand& command);

}  // namespace tributary
