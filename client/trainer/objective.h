// Objective: what a client of one kind minimises. One file for each kind: image_objective.cc,
// text_objective.cc, pair_objective.cc.
#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "common/model/transformer.h"
#include "common/train/local_training.h"
#include "common/train/samples.h"

namespace tributary {

class Objective {
 public:
  virtual ~Objective() = default;
  // The loss of `batch`, which is on the model's device: a scalar with its history.
  virtual at::Tensor Loss(const Transformer& model, const Batch& batch) const = 0;
  // What is trained besides the model, and forgotten after the round.
  virtual std::vector<at::Tensor> Parameters() const { return {}; }
};

// Cross-entropy of the class scores of images.
std::unique_ptr<Objective> MakeImageObjective();
// The same of texts.
std::unique_ptr<Objective> MakeTextObjective();
// CLIP's symmetric contrastive loss of images and captions. With `learn_scale` the logit scale is a
// parameter, else it stays at its start.
std::unique_ptr<Objective> MakePairObjective(bool learn_scale, c10::Device device);

// The one for `modality`.
std::unique_ptr<Objective> MakeObjective(Modality modality, const LocalTraining& training,
                                         c10::Device device);

}  // namespace tributary
