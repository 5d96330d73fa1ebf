#include "server/method/fedcola/complementary_hook.h"

#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "server/method/fedcola/auxiliary.h"

namespace tributary {

absl::Status ComplementaryHook::Begin(const RunContext& context, ModelSet* models) const {
  for (const auto& [name, dataset] : context.datasets) {
    if (dataset.config.modality == Modality::kPair) continue;
    ASSIGN_OR_RETURN(StateDict weights,
                     InitialAuxiliary(dataset.download, models->globals.at(name)));
    StateDict& auxiliary = models->auxiliary[name];
    for (size_t i = 0; i < weights.size(); ++i) {
      RETURN_IF_ERROR(auxiliary.Add(weights[i].name, std::move(weights[i].tensor)));
    }
  }
  return absl::OkStatus();
}

absl::Status ComplementaryHook::AfterMerge(const RunContext& context, const RoundOutcome&,
                                           ModelSet* models) const {
  // "The first dataset of the other modality" is the first of the run file.
  std::vector<Target> targets;
  for (const DatasetConfig& dataset : context.config.datasets) {
    targets.push_back({.dataset = dataset.name, .modality = dataset.modality, .manifest = {}});
  }
  return RefreshAuxiliary(targets, models->globals, &models->auxiliary);
}

}  // namespace tributary
