#include "server/strategy/complementary.h"

#include <vector>

#include "common/base/status_macros.h"
#include "server/aggregation/auxiliary.h"

namespace tributary {

absl::Status ComplementaryStrategy::Begin(const RunContext& context, ModelSet* models) const {
  for (const auto& [name, dataset] : context.datasets) {
    if (dataset.config.modality == Modality::kPair) continue;
    ASSIGN_OR_RETURN(models->auxiliary[name],
                     InitialAuxiliary(dataset.download, models->globals.at(name)));
  }
  return absl::OkStatus();
}

absl::Status ComplementaryStrategy::AfterAggregation(const RunContext& context, const RoundOutcome&,
                                                     ModelSet* models) const {
  // "The first such dataset" is the first of the run file.
  std::vector<Target> targets;
  for (const DatasetConfig& dataset : context.config.datasets) {
    targets.push_back({.dataset = dataset.name, .modality = dataset.modality, .manifest = {}});
  }
  return RefreshAuxiliary(targets, models->globals, &models->auxiliary);
}

}  // namespace tributary
