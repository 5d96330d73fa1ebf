// Evaluation: runs one model over samples and counts. Coordinator and clients evaluate by it.
// Source: docs/algorithm.md section 5.
//
// Functions throw c10::Error where LibTorch does (out of memory).
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/train/retrieval.h"
#include "common/train/samples.h"
#include "common/train/task_counts.h"

namespace tributary {

class Transformer;

// Counts over all of `samples`, `batch` at a time. The batches change nothing but the memory: a
// pair model's gallery is the whole set. `spec`: the model's. Gradients are not recorded.
// FailedPrecondition: no samples, or a label that is not among spec.classes. Internal: scores or
// embeddings that are not finite. DataLoss: a sample cannot be read.
absl::StatusOr<TaskCounts> CountTask(const ModelSpec& spec, const Transformer& model,
                                     const Samples& samples, int64_t batch);

// The gallery of pairs: each caption is embedded once, and each image once, by the first row that
// shows it. Errors as of CountTask().
absl::StatusOr<Gallery> EmbedGallery(const ModelSpec& spec, const Transformer& model,
                                     const Samples& samples, int64_t batch);

}  // namespace tributary
