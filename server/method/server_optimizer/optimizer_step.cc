#include "server/method/server_optimizer/optimizer_step.h"

#include <cmath>

namespace tributary {
namespace {

double SecondMoment(const FedOptConfig& settings, double old, double square) {
  switch (settings.optimizer) {
    case ServerOptimizer::kAdagrad:
      return old + square;
    case ServerOptimizer::kAdam:
      return settings.beta2 * old + (1 - settings.beta2) * square;
    case ServerOptimizer::kYogi: {
      // Moves by (1 - beta2) d^2 towards d^2; where they are equal, sign(0) = 0 keeps it.
      const double sign = old > square ? 1 : (old < square ? -1 : 0);
      return old - (1 - settings.beta2) * square * sign;
    }
    case ServerOptimizer::kNone:
    case ServerOptimizer::kMomentum:
      break;
  }
  return old;
}

}  // namespace

bool KeepsSecondMoments(ServerOptimizer optimizer) {
  return optimizer == ServerOptimizer::kAdam || optimizer == ServerOptimizer::kYogi ||
         optimizer == ServerOptimizer::kAdagrad;
}

size_t StepValues(const FedOptConfig& settings, absl::Span<const float> before,
                  absl::Span<float> values, absl::Span<float> first, absl::Span<float> second) {
  const bool adaptive = KeepsSecondMoments(settings.optimizer);
  // Momentum SGD adds the whole pseudo-gradient; the others average.
  const double share = adaptive ? 1 - settings.momentum : 1;
  size_t bad = values.size();
  for (size_t i = values.size(); i-- > 0;) {
    const double old = before[i];
    const double gradient = static_cast<double>(values[i]) - old;
    const double moment = settings.momentum * static_cast<double>(first[i]) + share * gradient;
    double step = settings.learning_rate * moment;
    if (adaptive) {
      const double square = SecondMoment(settings, second[i], gradient * gradient);
      second[i] = static_cast<float>(square);
      step /= std::sqrt(square) + settings.tau;
    }
    first[i] = static_cast<float>(moment);
    values[i] = static_cast<float>(old + step);
    if (!std::isfinite(values[i])) bad = i;
  }
  return bad;
}

}  // namespace tributary
