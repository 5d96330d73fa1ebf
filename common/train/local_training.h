// LocalTraining: how a client trains in one round. The coordinator fills it from its run file
// ([local] and the sections beside it), clients from the wire; common/config/training_fields.h is
// the table of its fields.
// Source: docs/algorithm.md section 3.
#pragma once

#include <cstdint>
#include <optional>

#include "common/data/transforms.h"
#include "common/model/model_spec.h"

namespace tributary {

enum class ProximalRule { kPaper, kRelease };

// The pass over a public set after each local epoch: client/trainer/public_pass.h.
struct ContrastTraining {
  int64_t batch = 128;
  double temperature = 0.5;
  double weight = 1;  // factor on the loss
};

struct LocalTraining {
  int epochs = 5;
  int64_t batch = 112;
  double learning_rate = 1e-4;  // of the first round; in a task, of the task's round
  // How the coordinator derives a round's rate from the first one's: common/train/schedule.h.
  double learning_rate_decay = 0.99;
  int learning_rate_decay_every = 1;  // rounds
  int warmup_rounds = 0;
  double weight_decay = 0;
  double clip_norm = 0;  // 0: no clipping
  // Clients find it in their ModelSpec: it decides which tensors a model has.
  ComplementaryLayers complementary = ComplementaryLayers::kNone;
  bool aux_trained = true;
  bool control_variates = false;  // as complementary: it decides what travels
  bool learn_scale = true;
  double proximal_mu = 0;  // 0: no proximal term
  ProximalRule proximal_rule = ProximalRule::kPaper;
  std::optional<ContrastTraining> contrast = {};  // none: no pass over a public set
  Augmentations augmentations = {};               // of images; all off by default
};

}  // namespace tributary
