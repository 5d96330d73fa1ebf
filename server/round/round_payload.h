// What a round's clients download and upload: pure functions of the run's settings and models.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/plan.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// Global and auxiliary weights in the order of the download manifest; they refer to `models`.
// Internal names a tensor that the models lack.
absl::StatusOr<std::vector<EncodedState::Source>> DownloadOf(const DatasetContext& dataset,
                                                             const ModelSet& models);

// What the dataset's clients' updates are merged into.
Target TargetOf(const DatasetContext& dataset);

// Bytes of the largest upload of any dataset, and of one from each member of the cohort, at most.
int64_t LargestUpload(const RunContext& context);
int64_t UploadsOf(const std::vector<CohortMember>& cohort, const RunContext& context);

}  // namespace tributary
