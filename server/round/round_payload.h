// What a round's clients download and upload: pure functions of the run's settings and models.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/plan.h"
#include "server/method/method_hooks.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// Global and auxiliary weights in the order of the download manifest; they refer to `models`.
// Internal names a tensor that the models lack.
absl::StatusOr<std::vector<EncodedState::Source>> DownloadOf(const DatasetContext& dataset,
                                                             const ModelSet& models);

// What the dataset's clients' updates are merged into, and what becomes of the tensors that they
// upload besides: `hooks` tells which are summed. In the upload's manifest those come before the
// ones that are kept of each client.
Target TargetOf(const DatasetContext& dataset, const MethodHooks& hooks);

// Bytes of the largest upload of any dataset, and of one from each member of the cohort, at most.
int64_t LargestUpload(const RunContext& context);
int64_t UploadsOf(const std::vector<CohortMember>& cohort, const RunContext& context);

}  // namespace tributary
