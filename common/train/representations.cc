#include "common/train/representations.h"

#include <algorithm>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/diagonal.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {

at::Tensor InterLoss(const at::Tensor& features, const at::Tensor& rows, const at::Tensor& others,
                     double temperature) {
  return at::cross_entropy_loss(at::matmul(features, others.t()) / temperature, rows);
}

at::Tensor IntraLoss(const at::Tensor& features, const at::Tensor& global, const at::Tensor& old,
                     double temperature) {
  const at::Tensor logits =
      at::stack({(features * global).sum(1), (features * old).sum(1)}, 1) / temperature;
  // Class 0 is the coordinator's representation, class 1 the one of the model as downloaded.
  return at::cross_entropy_loss(
      logits,
      at::zeros({features.size(0)}, logits.options().dtype(at::kLong).requires_grad(false)));
}

at::Tensor RepresentationWeights(const std::vector<at::Tensor>& clients, const at::Tensor& others) {
  std::vector<at::Tensor> scores;
  scores.reserve(clients.size());
  for (const at::Tensor& client : clients) {
    // log softmax at the diagonal: the log-probability that the client finds the same sample in the
    // other modality. [P,P] for one client at a time, not for all at once.
    const at::Tensor logits = at::matmul(client, others.t());
    scores.push_back(at::diagonal(logits) - at::logsumexp(logits, 1));
  }
  return at::softmax(at::stack(scores), 0);
}

at::Tensor EnsembleOf(const std::vector<at::Tensor>& clients, const at::Tensor& weights) {
  return (at::stack(clients) * weights.unsqueeze(2)).sum(0);
}

at::Tensor DistillationLoss(const at::Tensor& features, const at::Tensor& ensemble) {
  return at::mse_loss(features, ensemble);
}

at::Tensor TranslateTokens(const at::Tensor& tokens, const std::vector<int64_t>& word_places) {
  if (word_places.empty()) return tokens;
  at::Tensor translated =
      tokens.clone().contiguous();  // batches are shared: never changed in place
  auto* begin = translated.mutable_data_ptr<int64_t>();
  std::transform(begin, begin + translated.numel(), begin,
                 [&](int64_t token) { return word_places[static_cast<size_t>(token)]; });
  return translated;
}

at::Tensor FeaturesOf(const Transformer& model, const Batch& batch, Modality part,
                      const std::vector<int64_t>& word_places) {
  return Transformer::Normalised(
      part == Modality::kImage
          ? model.ImageToken(batch.images.to(model.device()))
          : model.TextToken(TranslateTokens(batch.tokens, word_places).to(model.device())));
}

absl::Status ForEachBatch(const Samples& samples, int64_t batch, const VisitBatch& visit) {
  for (int64_t begin = 0; begin < samples.count(); begin += batch) {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(batch, samples.count() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    ASSIGN_OR_RETURN(const Batch gathered, samples.Gather(rows, {}, nullptr));
    RETURN_IF_ERROR(visit(rows, gathered));
  }
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> Represent(const Transformer& model, const Samples& samples,
                                     int64_t batch, Modality part,
                                     const std::vector<int64_t>& word_places) {
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> features;
  RETURN_IF_ERROR(
      ForEachBatch(samples, batch, [&](const std::vector<int64_t>&, const Batch& gathered) {
        features.push_back(FeaturesOf(model, gathered, part, word_places));
        return absl::OkStatus();
      }));
  return at::cat(features);
}

}  // namespace tributary
