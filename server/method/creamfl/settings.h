// CreamFL's settings: its public set and what is done with it. Source: docs/algorithm.md section 4,
// "CreamFL"; Yu et al., "Multimodal Federated Learning via Contrastive Representation Ensemble",
// ICLR 2023.
#pragma once

#include <cstdint>
#include <string>

#include "common/config/method_card.h"
#include "common/train/local_training.h"

namespace tributary {

// [creamfl]; MethodSettings<CreamFlSettings>(config) reads them.
struct CreamFlSettings {
  std::string public_set;        // key `public`: folder with the train.shard of a pair set
  int64_t samples = 500;         // of the public set, its first
  ContrastTraining contrast;     // of clients; the coordinator takes batches of the same size
  bool pair_contrast = false;    // pair clients train on the public set too
  double distill_weight = 1e-7;  // factor on the coordinator's loss
  double distill_learning_rate = 1e-4;
};

const MethodCard& CreamFlCard();

}  // namespace tributary
