#include "server/method/fedcola/auxiliary.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr absl::string_view kAuxiliary = ".aux_weight";

std::string WeightOf(absl::string_view auxiliary) {
  return absl::StrCat(absl::StripSuffix(auxiliary, kAuxiliary), ".weight");
}

absl::StatusOr<const Tensor*> FindWeight(const StateDict& global, const std::string& name) {
  const Tensor* weight = global.Find(name);
  if (weight == nullptr) {
    return absl::InternalError(
        absl::StrCat("global has no tensor ", name, " for an auxiliary weight"));
  }
  return weight;
}

// The first target of the other modality; null if there is none.
const Target* PartnerOf(const Target& target, const std::vector<Target>& targets) {
  const Modality wanted = target.modality == Modality::kImage ? Modality::kText : Modality::kImage;
  for (const Target& other : targets) {
    if (other.modality == wanted) return &other;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<StateDict> InitialAuxiliary(const Manifest& download, const StateDict& global) {
  StateDict auxiliary;
  for (const TensorSpec& spec : download.tensors) {
    if (!absl::EndsWith(spec.name, kAuxiliary)) continue;
    ASSIGN_OR_RETURN(const Tensor* weight, FindWeight(global, WeightOf(spec.name)));
    RETURN_IF_ERROR(auxiliary.Add(spec.name, *weight));
  }
  return auxiliary;
}

absl::Status RefreshAuxiliary(const std::vector<Target>& targets,
                              const std::map<std::string, StateDict>& globals,
                              std::map<std::string, StateDict>* auxiliary) {
  for (const Target& target : targets) {
    const auto own = auxiliary->find(target.dataset);
    if (own == auxiliary->end() || target.modality == Modality::kPair) continue;
    const Target* partner = PartnerOf(target, targets);
    if (partner == nullptr) continue;
    StateDict& state = own->second;
    for (size_t i = 0; i < state.size(); ++i) {
      if (!absl::EndsWith(state[i].name, kAuxiliary)) continue;
      const std::string weight = *CounterpartOf(WeightOf(state[i].name));
      ASSIGN_OR_RETURN(const Tensor* source, FindWeight(globals.at(partner->dataset), weight));
      state[i].tensor = *source;
    }
  }
  return absl::OkStatus();
}

}  // namespace tributary
