#include "server/method/scaffold/control_variates_hook.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/model_spec.h"

namespace tributary {

absl::Status ControlVariatesHook::Begin(const RunContext& context, ModelSet* models) const {
  for (const auto& [name, dataset] : context.datasets) {
    StateDict& auxiliary = models->auxiliary[name];
    for (const TensorSpec& parameter : dataset.plain.tensors) {
      RETURN_IF_ERROR(auxiliary.Add(ControlOf(parameter.name), Tensor::Zeros(parameter.shape)));
    }
  }
  return absl::OkStatus();
}

std::optional<double> ControlVariatesHook::SummedWeight(const DatasetContext& dataset,
                                                        absl::string_view tensor) const {
  if (!IsControl(tensor)) return std::nullopt;
  return 1.0 / dataset.config.clients;
}

absl::Status ControlVariatesHook::AfterMerge(const RunContext&, const RoundOutcome& outcome,
                                             ModelSet* models) const {
  for (const auto& [dataset, sums] : outcome.summed) {
    StateDict& auxiliary = models->auxiliary[dataset];
    for (const auto& [name, change] : sums) {
      if (!IsControl(name)) continue;
      Tensor* control = auxiliary.Find(name);
      if (control == nullptr || control->values.size() != change.values.size()) {
        return absl::InternalError(absl::StrCat("dataset ", dataset, ": the models hold no ", name,
                                                " to add the clients' change to"));
      }
      for (size_t i = 0; i < change.values.size(); ++i) control->values[i] += change.values[i];
    }
  }
  return absl::OkStatus();
}

}  // namespace tributary
