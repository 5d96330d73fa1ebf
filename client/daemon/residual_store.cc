#include "client/daemon/residual_store.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

absl::Status Add(const StateDict& residual, StateDict* delta) {
  // Everything is checked before anything is added: half a residual must not reach an update.
  for (const StateDict::Entry& entry : residual) {
    const Tensor* tensor = delta->Find(entry.name);
    if (tensor == nullptr || tensor->shape != entry.tensor.shape) {
      return absl::FailedPreconditionError(
          absl::StrCat("the model has no tensor ", entry.name, " of its shape"));
    }
  }
  for (const StateDict::Entry& entry : residual) {
    std::vector<float>& values = delta->Find(entry.name)->values;
    for (size_t i = 0; i < values.size(); ++i) values[i] += entry.tensor.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

void ResidualStore::AddTo(const std::string& run_id, uint32_t merged_round, StateDict* delta) {
  const absl::StatusOr<StateDict> residual = rounds_.Load(run_id, merged_round);
  if (absl::IsNotFound(residual.status())) return;
  const absl::Status added = residual.ok() ? Add(*residual, delta) : residual.status();
  if (added.ok()) return;
  log_->warn("what the update of round {} lost cannot be added to this one and was deleted: {}",
             merged_round, added.ToString());
  rounds_.Drop(run_id, merged_round);
}

}  // namespace tributary
