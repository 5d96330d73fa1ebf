// Representations of a public set, and what clients and the coordinator compute with them.
//
// A representation is a model's normalised token 0 of one sample; those of a whole public set are
// [P,D], in the order of the set. `others` below are the coordinator's representations of the other
// modality. Source: Yu et al., "Multimodal Federated Learning via Contrastive Representation
// Ensemble", ICLR 2023; docs/algorithm.md section 4.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/model/transformer.h"
#include "common/train/samples.h"

namespace tributary {

// The L2 norm to which gradients are clipped, in clients' passes over the public set and in the
// coordinator's distillation alike.
inline constexpr double kContrastClipNorm = 2;

// Cross-entropy of features against the whole public set in the other modality: the right answer of
// a row is the same sample. `features`: [B,D]; `rows`: [B] int64, places in the public set;
// `others`: [P,D]. Other captions of the same image are wrong answers.
at::Tensor InterLoss(const at::Tensor& features, const at::Tensor& rows, const at::Tensor& others,
                     double temperature);

// Cross-entropy that draws features to the coordinator's (`global`) and away from those of the
// model as downloaded (`old`). All [B,D], of the same samples and modality.
at::Tensor IntraLoss(const at::Tensor& features, const at::Tensor& global, const at::Tensor& old,
                     double temperature);

// The weight of each client's representation of each sample, [K,P]: softmax over clients of the
// log-probability (without temperature) that the client's representation gives to the same sample
// of the other modality. `clients`: K representations [P,D], at least one.
at::Tensor RepresentationWeights(const std::vector<at::Tensor>& clients, const at::Tensor& others);

// sum_k weights[k] * clients[k], [P,D].
at::Tensor EnsembleOf(const std::vector<at::Tensor>& clients, const at::Tensor& weights);

// The mean squared difference of a batch's features from the ensemble's, both [B,D].
at::Tensor DistillationLoss(const at::Tensor& features, const at::Tensor& ensemble);

// Representations [B,D] of a batch, with the gradients of the model's parameters: of its images if
// `part` is kImage, of its texts if it is kText. `word_places`: as in TranslateTokens().
at::Tensor FeaturesOf(const Transformer& model, const Batch& batch, Modality part,
                      const std::vector<int64_t>& word_places);

// Calls `visit` with each run of at most `batch` consecutive samples, `rows` their places. An error
// of `visit` or of Samples::Gather() ends it.
using VisitBatch =
    std::function<absl::Status(const std::vector<int64_t>& rows, const Batch& batch)>;
absl::Status ForEachBatch(const Samples& samples, int64_t batch, const VisitBatch& visit);

// Representations of all of `samples`, without gradients, on the model's device. `model` is used in
// the mode that it is in. `part`, `word_places`: as in FeaturesOf().
absl::StatusOr<at::Tensor> Represent(const Transformer& model, const Samples& samples,
                                     int64_t batch, Modality part,
                                     const std::vector<int64_t>& word_places);

// Token ids translated to places in a shortened word table; unchanged if `word_places` is
// empty.
at::Tensor TranslateTokens(const at::Tensor& tokens, const std::vector<int64_t>& word_places);

}  // namespace tributary
