#include "common/train/schedule.h"

namespace tributary {

double LearningRate(double initial, double decay, int warmup_rounds, int round) {
  double rate = initial;
  for (int past = 1; past < round; ++past) rate *= decay;
  if (round <= warmup_rounds) rate *= static_cast<double>(round) / (warmup_rounds + 1);
  return rate;
}

}  // namespace tributary
