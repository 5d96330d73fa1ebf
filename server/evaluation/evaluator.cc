#include "server/evaluation/evaluator.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/device.h"
#include "common/model/transformer.h"
#include "common/train/samples.h"

namespace tributary {
namespace {

// Galleries of this many images (COCO's test) are also evaluated in folds of 1,000, as in the
// paper's release.
constexpr int64_t kFoldedGallery = 5000;
constexpr int64_t kFolds = 5;

std::vector<int64_t> AllRows(const Samples& samples) {
  std::vector<int64_t> rows(static_cast<size_t>(samples.count()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// For each image, in order, the first row that shows it.
std::vector<int64_t> FirstRows(const std::vector<int64_t>& image_of_row) {
  std::vector<int64_t> rows;
  for (size_t row = 0; row < image_of_row.size(); ++row) {
    if (image_of_row[row] == static_cast<int64_t>(rows.size())) {
      rows.push_back(static_cast<int64_t>(row));
    }
  }
  return rows;
}

// The evaluation of one global on its test set.
class Evaluation {
 public:
  Evaluation(const ModelSpec& spec, const Transformer& model, const Samples& samples, int64_t batch)
      : spec_(spec), model_(model), samples_(samples), batch_(batch) {}

  absl::StatusOr<TaskMetrics> Run() const {
    TaskMetrics metrics;
    metrics.samples = samples_.count();
    if (samples_.modality() == Modality::kPair) {
      ASSIGN_OR_RETURN(metrics.retrieval, Retrieve());
    } else {
      ASSIGN_OR_RETURN(metrics.classification, Classify());
    }
    return metrics;
  }

 private:
  // Calls `use` with the rows' batches, on the model's device.
  template <typename Use>
  absl::Status ForBatches(const std::vector<int64_t>& rows, const Use& use) const {
    for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(batch_)) {
      const auto part = absl::MakeConstSpan(rows).subspan(begin, static_cast<size_t>(batch_));
      ASSIGN_OR_RETURN(Batch batch, samples_.Gather(part, {}, nullptr));
      for (at::Tensor* tensor : {&batch.images, &batch.tokens, &batch.labels}) {
        if (tensor->defined()) *tensor = tensor->to(model_.device());
      }
      RETURN_IF_ERROR(use(batch));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ClassificationMetrics> Classify() const {
    int64_t right = 0;
    RETURN_IF_ERROR(ForBatches(AllRows(samples_), [&](const Batch& batch) -> absl::Status {
      const at::Tensor token = samples_.modality() == Modality::kImage
                                   ? model_.ImageToken(batch.images)
                                   : model_.TextToken(batch.tokens);
      const at::Tensor scores = model_.Logits(token);
      // argmax() would still name a class, and a diverged model would have an accuracy.
      if (!std::isfinite(scores.sum().item<double>())) return NotFinite("class scores");
      right += (scores.argmax(1) == batch.labels).sum().item<int64_t>();
      return absl::OkStatus();
    }));
    return ClassificationMetrics{
        .accuracy = 100.0 * static_cast<double>(right) / static_cast<double>(samples_.count()),
        .chance_accuracy = 100.0 / static_cast<double>(spec_.classes)};
  }

  absl::StatusOr<GalleryMetrics> Retrieve() const {
    Gallery gallery{.dim = spec_.dim, .images = {}, .texts = {}, .image_of_text = {}};
    gallery.image_of_text = samples_.image_of_row();
    // An image has several captions: it is embedded once, by the first row that shows it.
    RETURN_IF_ERROR(ForBatches(FirstRows(gallery.image_of_text), [&](const Batch& batch) {
      return Append(model_.ImageToken(batch.images), "image embeddings", &gallery.images);
    }));
    RETURN_IF_ERROR(ForBatches(AllRows(samples_), [&](const Batch& batch) {
      return Append(model_.TextToken(batch.tokens), "text embeddings", &gallery.texts);
    }));
    GalleryMetrics metrics{.full = EvaluateRetrieval(gallery),
                           .images = gallery.image_count(),
                           .captions = gallery.text_count(),
                           .chance_r1_sum = ChanceR1Sum(gallery),
                           .folded_r1_sum = {}};
    if (gallery.image_count() == kFoldedGallery) {
      const RetrievalMetrics folds =
          EvaluateRetrievalFolds(gallery, kFolds, kFoldedGallery / kFolds);
      metrics.folded_r1_sum = folds.i2t.r1 + folds.t2i.r1;
    }
    return metrics;
  }

  static absl::Status Append(const at::Tensor& tokens, absl::string_view what,
                             std::vector<float>* rows) {
    const at::Tensor host = Transformer::Normalised(tokens).to(at::kCPU).contiguous();
    const auto* begin = host.const_data_ptr<float>();
    const auto* end = begin + host.numel();
    if (!std::all_of(begin, end, [](float value) { return std::isfinite(value); })) {
      return NotFinite(what);
    }
    rows->insert(rows->end(), begin, end);
    return absl::OkStatus();
  }

  static absl::Status NotFinite(absl::string_view what) {
    return absl::InternalError(absl::StrCat(
        "the ", what, " are not finite: training has diverged; lower local.learning_rate"));
  }

  const ModelSpec& spec_;
  const Transformer& model_;
  const Samples& samples_;
  const int64_t batch_;
};

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
    const at::NoGradGuard no_gradients;
    ASSIGN_OR_RETURN(const std::unique_ptr<Transformer> model,
                     Transformer::Create(task.spec, task.samples->modality(), global, device));
    return Evaluation(task.spec, *model, *task.samples, batch).Run();
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
