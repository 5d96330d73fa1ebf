#include "server/round/round_state.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

constexpr size_t kNamesShown = 4;

std::string Clock(absl::Time time) {
  return absl::FormatTime("%H:%M:%S", time, absl::LocalTimeZone());
}

struct Tally {
  int reported = 0;
  bool pushing = false;
  std::vector<std::string> open;  // clients that may still report
};

Tally Count(const RoundState& state) {
  Tally tally;
  for (const Participant& participant : state.cohort) {
    if (participant.state == TaskState::kReported) ++tally.reported;
    if (participant.state == TaskState::kPushing) tally.pushing = true;
    if (participant.state != TaskState::kReported && participant.state != TaskState::kFailed) {
      tally.open.push_back(participant.client);
    }
  }
  return tally;
}

RoundDecision Wait(absl::Time until, std::string reason) {
  return {.action = RoundDecision::Action::kWait, .reason = std::move(reason), .until = until};
}

}  // namespace

absl::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kWaiting:
      return "waiting";
    case Phase::kTraining:
      return "training";
    case Phase::kAggregating:
      return "aggregating";
    case Phase::kEvaluating:
      return "evaluating";
    case Phase::kCommitted:
      return "committed";
    case Phase::kPaused:
      return "paused";
    case Phase::kFinished:
      return "finished";
  }
  return "unknown";
}

std::string NameSome(const std::vector<std::string>& names) {
  if (names.size() <= kNamesShown) return absl::StrJoin(names, ", ");
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + kNamesShown, ", "), " and ",
                      names.size() - kNamesShown, " more");
}

int QuorumOf(int cohort, double quorum) {
  // 0.55 * 100 is a hair above 55 in double precision; that must not ask for a 56th client.
  return std::max(1, static_cast<int>(std::ceil(quorum * cohort - 1e-9)));
}

RoundDecision Decide(absl::Time now, const RoundState& state, const RoundConfig& config) {
  const Tally tally = Count(state);
  const int cohort = static_cast<int>(state.cohort.size());
  const int quorum = QuorumOf(cohort, config.quorum);
  const std::string so_far = absl::StrCat(tally.reported, " of ", cohort, " reported");
  if (tally.open.empty()) {
    if (tally.reported >= quorum) return {RoundDecision::Action::kClose, so_far};
    return {RoundDecision::Action::kRetry,
            absl::StrCat("all have answered, ", so_far, ", quorum is ", quorum)};
  }
  if (now < state.deadline) {
    return Wait(state.deadline,
                absl::StrCat("waiting for ", tally.open.size(), " of ", cohort, ": ",
                             NameSome(tally.open), " until ", Clock(state.deadline)));
  }
  const absl::Time grace_end = state.deadline + config.grace;
  if (tally.pushing && now < grace_end) {
    return Wait(grace_end, absl::StrCat("deadline passed, ", so_far,
                                        "; updates are arriving, until ", Clock(grace_end)));
  }
  if (tally.reported >= quorum) {
    return {RoundDecision::Action::kClose,
            absl::StrCat("deadline passed, ", so_far, ", without ", NameSome(tally.open))};
  }
  return {RoundDecision::Action::kRetry, absl::StrCat("deadline passed, ", so_far, ", quorum is ",
                                                      quorum, "; missing ", NameSome(tally.open))};
}

RoundDecision DecideStart(absl::Time now, const Attendance& attendance, absl::Duration patience) {
  const std::string present =
      absl::StrCat(attendance.attending, " of ", attendance.expected, " expected clients attend");
  if (attendance.complete()) {
    return {RoundDecision::Action::kClose, present};
  }
  const absl::Time end = attendance.waiting_since + patience;
  if (now < end)
    return Wait(end, absl::StrCat("waiting for clients: ", present, ", until ", Clock(end)));
  if (attendance.every_dataset) return {RoundDecision::Action::kClose, present};
  return Wait(absl::InfiniteFuture(),
              absl::StrCat("waiting for clients: ", present, ", and a dataset has none"));
}

}  // namespace tributary
