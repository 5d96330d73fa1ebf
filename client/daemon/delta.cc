#include "client/daemon/delta.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/model_spec.h"

namespace tributary {
namespace {

// `pulled`: null for what is no difference from anything.
absl::Status Subtract(const std::string& name, const Tensor* pulled, Tensor* weights) {
  for (size_t i = 0; i < weights->values.size(); ++i) {
    if (pulled != nullptr) weights->values[i] -= pulled->values[i];
    if (!std::isfinite(weights->values[i])) {
      return absl::OutOfRangeError(
          absl::StrCat("training ended with a value that is not finite in tensor ", name,
                       ", value ", i, ": the learning rate may be too high"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SubtractPulled(const StateDict& pulled, const Manifest& upload, StateDict* weights) {
  if (absl::Status same = CheckSameManifest(Manifest::Of(*weights), upload); !same.ok()) {
    return absl::InternalError(
        absl::StrCat("the trained model is not what is to be uploaded: ", same.message()));
  }
  for (size_t i = 0; i < weights->size(); ++i) {
    StateDict::Entry& entry = (*weights)[i];
    const bool plain = IsPlain(entry.name);
    const Tensor* start = plain ? pulled.Find(entry.name) : nullptr;
    if (plain && (start == nullptr || start->shape != entry.tensor.shape)) {
      return absl::InternalError(absl::StrCat("the pulled model has no tensor ", entry.name,
                                              " of the trained one's shape"));
    }
    RETURN_IF_ERROR(Subtract(entry.name, start, &entry.tensor));
  }
  return absl::OkStatus();
}

}  // namespace tributary
