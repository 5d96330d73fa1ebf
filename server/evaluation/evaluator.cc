#include "server/evaluation/evaluator.h"

#include <exception>
#include <utility>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/device.h"
#include "common/model/transformer.h"
#include "common/train/evaluation.h"
#include "common/train/retrieval.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

// Galleries of this many images (COCO's test) are also evaluated in folds of 1,000, as in the
// paper's release.
constexpr int64_t kFoldedGallery = 5000;
constexpr int64_t kFolds = 5;

absl::StatusOr<GalleryMetrics> Retrieve(const ModelSpec& spec, const Transformer& model,
                                        const Samples& samples, int64_t batch) {
  ASSIGN_OR_RETURN(const Gallery gallery, EmbedGallery(spec, model, samples, batch));
  GalleryMetrics metrics{.full = EvaluateRetrieval(gallery),
                         .images = gallery.image_count(),
                         .captions = gallery.text_count(),
                         .chance_r1_sum = ChanceR1Sum(gallery),
                         .has_loss = true,
                         .folded_r1_sum = {}};
  if (gallery.image_count() == kFoldedGallery) {
    const RetrievalMetrics folds = EvaluateRetrievalFolds(gallery, kFolds, kFoldedGallery / kFolds);
    metrics.folded_r1_sum = folds.i2t.r1 + folds.t2i.r1;
  }
  return metrics;
}

absl::Status CheckTask(const HeldOutTask& task) {
  RETURN_IF_ERROR(ModelManifest(task.spec, task.samples->modality(), TensorScope::kPlain).status());
  if (task.samples->count() > 0) return absl::OkStatus();
  return absl::FailedPreconditionError("the test set is empty; prepare it again");
}

}  // namespace

struct Evaluator::Parts {
  std::map<std::string, HeldOutTask> tasks;
  c10::Device device;
  int threads;
  int64_t batch;

  absl::StatusOr<TaskMetrics> Evaluate(const HeldOutTask& task, const StateDict& global) const {
    ASSIGN_OR_RETURN(const std::unique_ptr<Transformer> model,
                     Transformer::Create(task.spec, task.samples->modality(), global, device));
    if (task.samples->modality() != Modality::kPair) {
      ASSIGN_OR_RETURN(const TaskCounts counts, CountTask(task.spec, *model, *task.samples, batch));
      return MetricsOf(counts);
    }
    // Counts know neither ranks nor folds.
    TaskMetrics metrics{.samples = task.samples->count()};
    ASSIGN_OR_RETURN(metrics.retrieval, Retrieve(task.spec, *model, *task.samples, batch));
    return metrics;
  }
};

Evaluator::Evaluator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Evaluator::~Evaluator() = default;

absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Create(
    std::map<std::string, HeldOutTask> tasks, const EvaluatorOptions& options) {
  if (options.batch < 1 || options.threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat("evaluation with batches of ", options.batch,
                                                   " on ", options.threads, " threads"));
  }
  ASSIGN_OR_RETURN(const c10::Device device, OpenDevice(options.device));
  for (auto& [name, task] : tasks) {
    RETURN_IF_ERROR(Annotate(CheckTask(task), absl::StrCat("dataset ", name)));
    // A global's gates are 0, so that W + g A is W: the auxiliary weights need not be loaded.
    task.spec.complementary = ComplementaryLayers::kNone;
  }
  const int cores = CoreCount();
  return std::unique_ptr<Evaluator>(new Evaluator(std::make_unique<Parts>(Parts{
      std::move(tasks), device, options.threads > 0 ? options.threads : cores, options.batch})));
}

absl::StatusOr<TaskMetrics> Evaluator::Evaluate(const std::string& dataset,
                                                const StateDict& global) {
  const auto found = parts_->tasks.find(dataset);
  if (found == parts_->tasks.end()) {
    return absl::NotFoundError(absl::StrCat("dataset ", dataset, " has no test set"));
  }
  absl::StatusOr<TaskMetrics> metrics;
  try {
    at::set_num_threads(parts_->threads);  // LibTorch keeps the number for each calling thread
    metrics = parts_->Evaluate(found->second, global);
  } catch (const c10::Error& error) {
    metrics = absl::InternalError(error.what_without_backtrace());
  } catch (const std::exception& error) {
    metrics = absl::InternalError(error.what());
  }
  if (!metrics.ok()) {
    return Annotate(metrics.status(), absl::StrCat("evaluation of dataset ", dataset));
  }
  return metrics;
}

absl::StatusOr<std::map<std::string, TaskMetrics>> Evaluator::EvaluateAll(
    const std::map<std::string, StateDict>& globals) {
  std::map<std::string, TaskMetrics> tasks;
  for (const auto& [name, global] : globals) {
    if (!parts_->tasks.contains(name)) continue;
    ASSIGN_OR_RETURN(tasks[name], Evaluate(name, global));
  }
  return tasks;
}

}  // namespace tributary
