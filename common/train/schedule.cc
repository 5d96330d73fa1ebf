#include "common/train/schedule.h"

namespace tributary {

double LearningRate(const LocalTraining& settings, int round) {
  double rate = settings.learning_rate;
  const int64_t every = settings.learning_rate_decay_every;
  // pow() may differ from repeated multiplication in the last bit, and then so does every weight.
  for (int64_t past = every; past < round; past += every) rate *= settings.learning_rate_decay;
  if (round <= settings.warmup_rounds) {
    rate *= static_cast<double>(round) / (settings.warmup_rounds + 1);
  }
  return rate;
}

}  // namespace tributary
