#include "server/method/server_optimizer/server_optimizer_hook.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kJob = 1 << 16;  // values of a thread's job

std::string KeyOf(const std::string& target) { return StateKey("server_optimizer", target); }
std::string FirstOf(const std::string& name) { return absl::StrCat("m.", name); }
std::string SecondOf(const std::string& name) { return absl::StrCat("v.", name); }

// One parameter's values and what belongs to them.
struct Parameter {
  std::string name;
  absl::Span<const float> before;
  absl::Span<float> values, first, second;
};

absl::StatusOr<absl::Span<float>> Moments(const std::string& name, size_t count, StateDict* state) {
  Tensor* tensor = state->Find(name);
  if (tensor == nullptr || tensor->values.size() != count) {
    return absl::InternalError(absl::StrCat("the server optimizer's state holds no tensor ", name,
                                            " of ", count,
                                            " values; restore the state folder from a backup"));
  }
  return absl::MakeSpan(tensor->values);
}

// Those to which an update contributed.
absl::StatusOr<std::vector<Parameter>> ParametersOf(const FedOptConfig& settings,
                                                    const RoundOutcome& outcome, ModelSet* models) {
  std::vector<Parameter> parameters;
  for (auto& [target, global] : models->globals) {
    const TargetPlan& plan = outcome.plan->at(target);
    const StateDict& before = outcome.before.at(target);
    StateDict& state = models->state[KeyOf(target)];
    for (size_t i = 0; i < global.size(); ++i) {
      if (plan[i].empty()) continue;
      StateDict::Entry& entry = global[i];
      Parameter parameter{.name = absl::StrCat(target, "/", entry.name),
                          .before = before[i].tensor.values,
                          .values = absl::MakeSpan(entry.tensor.values),
                          .first = {},
                          .second = {}};
      const size_t count = parameter.values.size();
      ASSIGN_OR_RETURN(parameter.first, Moments(FirstOf(entry.name), count, &state));
      if (KeepsSecondMoments(settings.optimizer)) {
        ASSIGN_OR_RETURN(parameter.second, Moments(SecondOf(entry.name), count, &state));
      }
      parameters.push_back(std::move(parameter));
    }
  }
  return parameters;
}

// `span` from `begin` on, `count` values; nothing of an empty one.
template <typename T>
absl::Span<T> Part(absl::Span<T> span, size_t begin, size_t count) {
  return span.empty() ? span : span.subspan(begin, count);
}

}  // namespace

absl::Status ServerOptimizerHook::Begin(const RunContext&, ModelSet* models) const {
  const auto start = static_cast<float>(settings_.tau * settings_.tau);
  for (const auto& [target, global] : models->globals) {
    StateDict& state = models->state[KeyOf(target)];
    for (const auto& [name, tensor] : global) {
      RETURN_IF_ERROR(state.Add(FirstOf(name), Tensor::Zeros(tensor.shape)));
    }
    if (!KeepsSecondMoments(settings_.optimizer)) continue;
    for (const auto& [name, tensor] : global) {
      Tensor moments = Tensor::Zeros(tensor.shape);
      std::fill(moments.values.begin(), moments.values.end(), start);
      RETURN_IF_ERROR(state.Add(SecondOf(name), std::move(moments)));
    }
  }
  return absl::OkStatus();
}

absl::Status ServerOptimizerHook::AfterMerge(const RunContext&, const RoundOutcome& outcome,
                                             ModelSet* models) const {
  ASSIGN_OR_RETURN(const std::vector<Parameter> parameters,
                   ParametersOf(settings_, outcome, models));
  std::vector<std::pair<const Parameter*, size_t>> jobs;  // a parameter's values from there on
  for (const Parameter& parameter : parameters) {
    for (size_t begin = 0; begin < parameter.values.size(); begin += kJob) {
      jobs.emplace_back(&parameter, begin);
    }
  }
  absl::Mutex mutex;
  const Parameter* bad = nullptr;
  ParallelFor(CoreCount(), jobs.size(), [&](size_t i) {
    const auto& [parameter, begin] = jobs[i];
    const size_t count = std::min(kJob, parameter->values.size() - begin);
    const size_t end = StepValues(
        settings_, Part(parameter->before, begin, count), Part(parameter->values, begin, count),
        Part(parameter->first, begin, count), Part(parameter->second, begin, count));
    if (end == count) return;
    absl::MutexLock lock(&mutex);
    if (bad == nullptr || parameter < bad) bad = parameter;  // the same one each time
  });
  if (bad == nullptr) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("round ", outcome.round, ": the server optimizer gives ",
                                          bad->name,
                                          " a value that is not finite; lower "
                                          "fedopt.learning_rate and begin a new run"));
}

}  // namespace tributary
