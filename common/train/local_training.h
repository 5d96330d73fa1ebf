// How a client trains in one round: the settings that travel with a task.
// Source: algorithm.md section 3.
#pragma once

#include <cstdint>

#include "common/data/transforms.h"

namespace tributary {

enum class ProximalRule { kPaper, kRelease };

// CreamFL's pass over the public set after each local epoch; algorithm.md section 4, "CreamFL".
struct ContrastTraining {
  int64_t batch = 0;  // 0: no such pass
  double temperature = 0.5;
  double weight = 1;  // factor on the loss
};

struct LocalTraining {
  int epochs = 1;
  int64_t batch = 1;
  double learning_rate = 1e-4;
  int64_t warmup_steps = 0;  // the rate rises linearly over the first steps of the round
  double weight_decay = 0;
  double clip_norm = 0;  // 0: no clipping
  bool aux_trained = true;
  bool learn_scale = true;
  double proximal_mu = 0;  // 0: no proximal term
  ProximalRule proximal_rule = ProximalRule::kPaper;
  ContrastTraining contrast = {};
  Augmentations augmentations = {};  // of images; all off by default
  bool shuffle = true;
};

}  // namespace tributary
