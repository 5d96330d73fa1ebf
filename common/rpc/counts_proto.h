// Counts of an evaluation (common/train/task_counts.h), to and from their wire form.
//
// Pure functions, thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "common/train/task_counts.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

v1::TaskCounts CountsToProto(const TaskCounts& counts);
// InvalidArgument where neither or both kinds are set, or a number does not fit into 63 bits.
// Whether the counts can be is CheckCounts()' to say.
absl::StatusOr<TaskCounts> CountsFromProto(const v1::TaskCounts& proto);

}  // namespace tributary
