// A task's settings, from their wire form.
#pragma once

#include "absl/status/statusor.h"
#include "common/train/local_training.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// InvalidArgument, with the field's name, for a value that no training can have.
absl::StatusOr<LocalTraining> LocalTrainingFromProto(const v1::LocalTraining& proto);

}  // namespace tributary
