// Learning rate by round. Source: docs/algorithm.md section 3 (golden: schedule).
#pragma once

#include "common/train/local_training.h"

namespace tributary {

// The rate of `round` (from 1): settings.learning_rate times learning_rate_decay once for every
// learning_rate_decay_every rounds that have passed, by repeated multiplication as the release
// does; in the first warmup_rounds rounds scaled by round / (warmup_rounds + 1).
double LearningRate(const LocalTraining& settings, int round);

}  // namespace tributary
