#include "client/daemon/training_proto.h"

#include "common/base/status_macros.h"
#include "common/config/training_fields.h"
#include "common/rpc/settings_proto.h"

namespace tributary {

absl::StatusOr<LocalTraining> LocalTrainingFromProto(const v1::LocalTraining& proto) {
  const absl::string_view what = "the task's ";
  LocalTraining training;
  RETURN_IF_ERROR(ReadFields(LocalFields(), proto, what, &training));
  RETURN_IF_ERROR(ReadFields(ContrastiveFields(), proto, what, &training));
  RETURN_IF_ERROR(ReadFields(ProximalFields(), proto, what, &training));
  RETURN_IF_ERROR(ReadFields(AugmentationFields(), proto.augmentation(), "the task's augmentation.",
                             &training.augmentations));
  if (proto.has_contrast()) {
    RETURN_IF_ERROR(ReadFields(ContrastFields(), proto.contrast(), "the task's contrast.",
                               &training.contrast.emplace()));
  }
  return training;
}

}  // namespace tributary
