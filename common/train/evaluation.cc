#include "common/train/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/transformer.h"
#include "common/train/score_counter.h"

namespace tributary {
namespace {

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

// Calls `use` with the rows' batches, on the model's device; labels stay on the host.
template <typename Use>
absl::Status ForBatches(const Transformer& model, const Samples& samples,
                        const std::vector<int64_t>& rows, int64_t batch_size, const Use& use) {
  for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(batch_size)) {
    const auto part = absl::MakeConstSpan(rows).subspan(begin, static_cast<size_t>(batch_size));
    ASSIGN_OR_RETURN(Batch batch, samples.Gather(part, {}, nullptr));
    for (at::Tensor* tensor : {&batch.images, &batch.tokens}) {
      if (tensor->defined()) *tensor = tensor->to(model.device());
    }
    RETURN_IF_ERROR(use(batch));
  }
  return absl::OkStatus();
}

absl::Status NotFinite(absl::string_view what) {
  return absl::InternalError(absl::StrCat(
      "the ", what, " are not finite: training has diverged; lower local.learning_rate"));
}

// The values of `tensor` on the host. Internal if one is not finite: argmax() would still name a
// class, and a diverged model would have an accuracy.
absl::Status AppendFinite(const at::Tensor& tensor, absl::string_view what,
                          std::vector<float>* values) {
  const at::Tensor host = tensor.to(at::kCPU, at::kFloat).contiguous();
  const auto* begin = host.const_data_ptr<float>();
  const auto* end = begin + host.numel();
  if (!std::all_of(begin, end, [](float value) { return std::isfinite(value); })) {
    return NotFinite(what);
  }
  values->insert(values->end(), begin, end);
  return absl::OkStatus();
}

absl::Status CheckLabels(absl::Span<const int64_t> labels, int64_t classes) {
  for (const int64_t label : labels) {
    if (label >= 0 && label < classes) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("a sample has label ", label, "; the model has ", classes,
                     " classes, from 0; prepare the dataset again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ClassCounts> CountClasses(const ModelSpec& spec, const Transformer& model,
                                         const Samples& samples, int64_t batch_size) {
  ScoreCounter counter(spec.classes);
  const auto count = [&](const Batch& batch) -> absl::Status {
    const at::Tensor token = samples.modality() == Modality::kImage ? model.ImageToken(batch.images)
                                                                    : model.TextToken(batch.tokens);
    std::vector<float> logits;
    RETURN_IF_ERROR(AppendFinite(model.Logits(token), "class scores", &logits));
    const at::Tensor host = batch.labels.contiguous();
    const auto labels =
        absl::MakeConstSpan(host.const_data_ptr<int64_t>(), static_cast<size_t>(host.numel()));
    RETURN_IF_ERROR(CheckLabels(labels, spec.classes));
    counter.Add(logits, labels);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForBatches(model, samples, AllRows(samples), batch_size, count));
  return std::move(counter).Finish();
}

}  // namespace

absl::StatusOr<Gallery> EmbedGallery(const ModelSpec& spec, const Transformer& model,
                                     const Samples& samples, int64_t batch) {
  const at::NoGradGuard no_gradients;
  Gallery gallery{.dim = spec.dim, .images = {}, .texts = {}, .image_of_text = {}};
  gallery.image_of_text = samples.image_of_row();
  const auto embed_image = [&](const Batch& part) {
    return AppendFinite(Transformer::Normalised(model.ImageToken(part.images)), "image embeddings",
                        &gallery.images);
  };
  RETURN_IF_ERROR(ForBatches(model, samples, FirstRows(gallery.image_of_text), batch, embed_image));
  const auto embed_text = [&](const Batch& part) {
    return AppendFinite(Transformer::Normalised(model.TextToken(part.tokens)), "text embeddings",
                        &gallery.texts);
  };
  RETURN_IF_ERROR(ForBatches(model, samples, AllRows(samples), batch, embed_text));
  return gallery;
}

absl::StatusOr<TaskCounts> CountTask(const ModelSpec& spec, const Transformer& model,
                                     const Samples& samples, int64_t batch) {
  const at::NoGradGuard no_gradients;
  if (samples.count() == 0) {
    return absl::FailedPreconditionError("no samples to evaluate on; prepare them again");
  }
  TaskCounts counts{.samples = samples.count()};
  if (samples.modality() == Modality::kPair) {
    ASSIGN_OR_RETURN(const Gallery gallery, EmbedGallery(spec, model, samples, batch));
    counts.retrieval = CountRetrieval(gallery);
  } else {
    ASSIGN_OR_RETURN(counts.classification, CountClasses(spec, model, samples, batch));
  }
  return counts;
}

}  // namespace tributary
