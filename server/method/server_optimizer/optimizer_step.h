// The update rules of server optimizers, on plain arrays.
//
// The merge of a round gives a pseudo-gradient d = merged - before, which an optimizer follows from
// the globals before the merge, as if it were a descent direction:
//
//   momentum   m <- b m + d                          x <- before + r m
//   adagrad    m <- b m + (1 - b) d   v <- v + d^2
//   adam       m <- b m + (1 - b) d   v <- c v + (1 - c) d^2
//   yogi       m <- b m + (1 - b) d   v <- v - (1 - c) d^2 sign(v - d^2)
//     the last three                                 x <- before + r m / (sqrt(v) + tau)
//
// Without bias correction; m starts at 0, v at tau^2. r, b, c, tau: learning_rate, momentum, beta2
// and tau of FedOptConfig. Source: Reddi et al., "Adaptive Federated
// Optimization", ICLR 2021 (arXiv 2003.00295), algorithm 2; momentum: its FedAvgM, that is
// algorithm 1 with momentum SGD on the server (Hsu et al., arXiv 1909.06335).
#pragma once

#include <cstddef>

#include "absl/types/span.h"
#include "common/config/run_config.h"

namespace tributary {

// Whether the optimizer keeps second moments.
bool KeepsSecondMoments(ServerOptimizer optimizer);

// One step of part of a tensor. `values`: merged on entry, the new globals on return; `first` and
// `second`: m and v, updated. All of one size; `second` is empty where none are kept. Each value is
// computed in double from float32 and rounded once: the bits depend on nothing beside it. Returns
// the place of the first value that is not finite, or values.size().
size_t StepValues(const FedOptConfig& settings, absl::Span<const float> before,
                  absl::Span<float> values, absl::Span<float> first, absl::Span<float> second);

}  // namespace tributary
