// Learning rate by round. Source: algorithm.md section 3 (golden: schedule).
#pragma once

namespace tributary {

// The rate of `round` (from 1): `initial` times `decay` for each round after the first, by repeated
// multiplication as the release does; in the first `warmup_rounds` rounds scaled by round /
// (warmup_rounds + 1).
double LearningRate(double initial, double decay, int warmup_rounds, int round);

}  // namespace tributary
