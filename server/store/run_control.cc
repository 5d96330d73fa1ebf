#include "server/store/run_control.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/rfc3339.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

nlohmann::json ToJson(const OperatorMark& mark) {
  return {{"by", mark.by}, {"time", Rfc3339(mark.when)}, {"reason", mark.reason}};
}

// Throws nlohmann::json::exception for a missing key or a wrong type.
OperatorMark MarkOf(const nlohmann::json& json) {
  OperatorMark mark{.by = json.at("by").get<std::string>(),
                    .when = absl::InfinitePast(),
                    .reason = json.at("reason").get<std::string>()};
  std::string error;
  // A time that cannot be read is only shown, and stays the infinite past.
  absl::ParseTime(absl::RFC3339_full, json.at("time").get<std::string>(), &mark.when, &error);
  return mark;
}

}  // namespace

std::string InWords(const OperatorMark& mark) {
  return absl::StrCat("by ", mark.by, " since ",
                      absl::FormatTime(absl::RFC3339_sec, mark.when, absl::LocalTimeZone()),
                      mark.reason.empty() ? "" : ": ", mark.reason);
}

absl::StatusOr<std::unique_ptr<RunControl>> RunControl::Open(const std::string& path) {
  std::unique_ptr<RunControl> control(new RunControl(path));
  if (!path.empty()) RETURN_IF_ERROR(control->Read());
  return control;
}

absl::Status RunControl::Read() {
  const absl::StatusOr<std::string> text = ReadFile(path_);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  State state;
  try {
    const nlohmann::json json = nlohmann::json::parse(*text);
    if (json.contains("paused")) state.paused = MarkOf(json.at("paused"));
    const nlohmann::json evicted = json.value("evicted", nlohmann::json::object());
    for (const auto& [client, mark] : evicted.items()) state.evicted[client] = MarkOf(mark);
    if (json.contains("rounds")) {
      const nlohmann::json& rounds = json.at("rounds");
      state.rounds = Rounds{.rounds = rounds.at("rounds").get<int>(),
                            .in_place_of = rounds.at("in_place_of").get<int>(),
                            .mark = MarkOf(rounds)};
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat(
        path_, ": is damaged (", error.what(),
        "); restore it from a backup, or delete it: then nobody is evicted and nothing paused"));
  }
  absl::MutexLock lock(&mutex_);
  state_ = std::move(state);
  return absl::OkStatus();
}

absl::Status RunControl::Become(const State& state) {
  if (!path_.empty()) {
    nlohmann::json json = nlohmann::json::object();
    if (state.paused) json["paused"] = ToJson(*state.paused);
    for (const auto& [client, mark] : state.evicted) json["evicted"][client] = ToJson(mark);
    if (state.rounds) {
      json["rounds"] = ToJson(state.rounds->mark);
      json["rounds"]["rounds"] = state.rounds->rounds;
      json["rounds"]["in_place_of"] = state.rounds->in_place_of;
    }
    // Names and reasons come from operators and may not be UTF-8, on which dump() would throw.
    RETURN_IF_ERROR(WriteFileAtomically(
        path_, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
  }
  state_ = state;
  return absl::OkStatus();
}

std::optional<OperatorMark> RunControl::paused() const {
  absl::MutexLock lock(&mutex_);
  return state_.paused;
}

absl::Status RunControl::Pause(const OperatorMark& mark) {
  absl::MutexLock lock(&mutex_);
  if (state_.paused) {
    return absl::FailedPreconditionError(
        absl::StrCat("the run is paused already, ", InWords(*state_.paused)));
  }
  State state = state_;
  state.paused = mark;
  return Become(state);
}

absl::Status RunControl::Resume() {
  absl::MutexLock lock(&mutex_);
  if (!state_.paused) return absl::FailedPreconditionError("the run is not paused");
  return Become({.paused = std::nullopt, .evicted = state_.evicted, .rounds = state_.rounds});
}

std::optional<OperatorMark> RunControl::Evicted(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  const auto found = state_.evicted.find(client);
  if (found == state_.evicted.end()) return std::nullopt;
  return found->second;
}

std::map<std::string, OperatorMark> RunControl::evicted() const {
  absl::MutexLock lock(&mutex_);
  return state_.evicted;
}

absl::Status RunControl::Evict(const std::string& client, const OperatorMark& mark) {
  absl::MutexLock lock(&mutex_);
  const auto found = state_.evicted.find(client);
  if (found != state_.evicted.end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("client ", client, " is evicted already, ", InWords(found->second)));
  }
  State state = state_;
  state.evicted[client] = mark;
  return Become(state);
}

absl::Status RunControl::Forgive(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  State state = state_;
  if (state.evicted.erase(client) == 0) {
    return absl::NotFoundError(absl::StrCat(
        "client ", client, " is not evicted; `tributary status` lists those that are"));
  }
  return Become(state);
}

int RunControl::RoundsInPlaceOf(int in_file) const {
  absl::MutexLock lock(&mutex_);
  // A run file that was changed after the operator's word is the later word.
  const bool holds = state_.rounds && state_.rounds->in_place_of == in_file;
  return holds ? state_.rounds->rounds : in_file;
}

absl::Status RunControl::SetRounds(int rounds, int in_file, const OperatorMark& mark) {
  absl::MutexLock lock(&mutex_);
  State state = state_;
  state.rounds = Rounds{.rounds = rounds, .in_place_of = in_file, .mark = mark};
  return Become(state);
}

}  // namespace tributary
