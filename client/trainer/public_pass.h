// PublicPass: a contrastive term of local training. After each epoch over the client's own data,
// one pass over a public set, in its order and with the same optimizer, pulls the model's features
// towards the coordinator's of the same samples and pushes them away from those of the model as
// downloaded.
//
// Source: docs/algorithm.md section 4, representations of a public set, steps 2 and 3.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "common/model/transformer.h"
#include "common/tensor/state_dict.h"
#include "common/train/adamw.h"
#include "common/train/local_training.h"
#include "common/train/samples.h"

namespace tributary {

class PublicPass {
 public:
  // `model` is as downloaded, in evaluation mode: its features are the old ones. `downloaded` holds
  // kPublicImages and kPublicTexts of `samples`. `word_places`: as in BatchQueue. All references
  // outlive the object. Errors of Samples::Gather().
  static absl::StatusOr<std::unique_ptr<PublicPass>> Create(
      const Samples& samples, const ContrastTraining& settings, Modality modality,
      const StateDict& downloaded, const std::vector<int64_t>& word_places, Transformer* model);

  int64_t steps() const;
  // One pass. Calls `after_step` with each loss; its error ends the pass.
  absl::Status Run(AdamW* optimizer, const std::function<absl::Status(double loss)>& after_step);
  // The model's features of the whole set in its own modality, [P,D]. The model must be in
  // evaluation mode.
  absl::StatusOr<at::Tensor> Features() const;

 private:
  // Of one modality, all [P,D]: the coordinator's features and those of the model as downloaded.
  struct Side {
    Modality part;
    at::Tensor global, old;
  };

  PublicPass(const Samples& samples, const ContrastTraining& settings,
             const std::vector<int64_t>& word_places, Transformer* model)
      : samples_(samples), settings_(settings), word_places_(word_places), model_(model) {}
  at::Tensor Loss(const std::vector<int64_t>& rows, const Batch& batch) const;

  const Samples& samples_;
  const ContrastTraining settings_;
  const std::vector<int64_t>& word_places_;
  Transformer* const model_;
  at::Tensor images_, texts_;  // the coordinator's features
  std::vector<Side> sides_;    // one for uni-modal clients, images and texts for pairs
};

}  // namespace tributary
