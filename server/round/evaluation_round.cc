#include "server/round/evaluation_round.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/counts_proto.h"

namespace tributary {
namespace {

v1::UpdateState MakeState(v1::UpdateState::State state, absl::string_view message) {
  v1::UpdateState result;
  result.set_state(state);
  result.set_message(std::string(message));
  return result;
}

bool IsOpen(TaskState state) {
  return state != TaskState::kReported && state != TaskState::kFailed;
}

// The counts, if this client can have counted so on a model of its dataset.
absl::StatusOr<TaskCounts> Checked(const v1::TaskCounts& proto, const EvaluationMember& member) {
  ASSIGN_OR_RETURN(TaskCounts counts, CountsFromProto(proto));
  RETURN_IF_ERROR(CheckCounts(counts, member.classes));
  if (counts.samples == member.test_samples) return counts;
  return absl::InvalidArgumentError(absl::StrCat("of ", counts.samples, " samples, expected the ",
                                                 member.test_samples,
                                                 " of the test part that it attended with"));
}

}  // namespace

EvaluationRound::EvaluationRound(EvaluationOptions options, Wake wake)
    : options_(std::move(options)), wake_(std::move(wake)) {
  absl::MutexLock lock(&mutex_);
  for (EvaluationMember& member : options_.members) {
    const std::string client = member.client;
    places_[client] = {.member = std::move(member), .counts = {}};
  }
}

absl::StatusOr<std::shared_ptr<const EncodedState>> EvaluationRound::Download(
    const std::string& client, uint64_t held_version, uint32_t first_chunk) const {
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(client);
  if (place == places_.end()) {
    return absl::NotFoundError(
        absl::StrCat("client ", client, " is not asked to evaluate round ", options_.round));
  }
  if (closed_) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", options_.round, " is evaluated; its model is not sent any more"));
  }
  const PublishedModel& model = options_.downloads.at(place->second.member.dataset);
  return ChooseDownload(model, client, held_version, first_chunk);
}

EvaluationRound::Place* EvaluationRound::OpenPlaceLocked(const std::string& client) {
  const auto place = places_.find(client);
  if (closed_ || place == places_.end() || !IsOpen(place->second.state)) return nullptr;
  return &place->second;
}

void EvaluationRound::Accept(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  Place* place = OpenPlaceLocked(client);
  if (place == nullptr) return;
  place->acknowledged = true;
  place->state = TaskState::kAccepted;
}

void EvaluationRound::Lost(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  Place* place = OpenPlaceLocked(client);
  if (place == nullptr) return;
  place->acknowledged = false;
  place->state = TaskState::kOffered;
}

void EvaluationRound::Fail(const std::string& client, const std::string& reason) {
  {
    absl::MutexLock lock(&mutex_);
    Place* place = OpenPlaceLocked(client);
    if (place == nullptr) return;
    place->state = TaskState::kFailed;
  }
  options_.events->EvaluationFailed(options_.round, client, reason);
  wake_();
}

v1::UpdateState EvaluationRound::Report(const std::string& client,
                                        const v1::EvaluationReport& report) {
  absl::Status fault;
  {
    absl::MutexLock lock(&mutex_);
    const auto known = places_.find(client);
    if (known != places_.end() && known->second.state == TaskState::kReported) {
      return MakeState(v1::UpdateState::STATE_ACCEPTED, "the counts are held");  // said twice
    }
    Place* place = OpenPlaceLocked(client);
    if (place == nullptr) {
      return MakeState(v1::UpdateState::STATE_LATE,
                       absl::StrCat("round ", options_.round, " takes no counts of client ", client,
                                    " (any more)"));
    }
    absl::StatusOr<TaskCounts> counts = Checked(report.counts(), place->member);
    place->state = counts.ok() ? TaskState::kReported : TaskState::kFailed;
    if (counts.ok()) place->counts = *std::move(counts);
    fault = counts.status();
  }
  if (!fault.ok()) {
    options_.events->EvaluationFailed(options_.round, client,
                                      absl::StrCat("its counts are ", fault.message()));
  }
  wake_();
  if (fault.ok()) return MakeState(v1::UpdateState::STATE_ACCEPTED, "the counts are held");
  return MakeState(v1::UpdateState::STATE_REFUSED,
                   absl::StrCat("the counts of client ", client, " are ", fault.message()));
}

bool EvaluationRound::Wants(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(client);
  return !closed_ && place != places_.end() && IsOpen(place->second.state);
}

std::vector<std::string> EvaluationRound::NamesLocked(bool unacknowledged) const {
  std::vector<std::string> names;
  for (const auto& [client, place] : places_) {
    if (!IsOpen(place.state) || (unacknowledged && place.acknowledged)) continue;
    names.push_back(client);
  }
  return names;
}

std::vector<std::string> EvaluationRound::Unacknowledged() const {
  absl::MutexLock lock(&mutex_);
  return NamesLocked(/*unacknowledged=*/true);
}

std::vector<std::string> EvaluationRound::Open() const {
  absl::MutexLock lock(&mutex_);
  return NamesLocked(/*unacknowledged=*/false);
}

std::vector<Participant> EvaluationRound::Participants() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Participant> participants;
  for (const auto& [client, place] : places_) participants.push_back({client, place.state});
  return participants;
}

std::map<std::string, std::map<std::string, TaskCounts>> EvaluationRound::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  options_.downloads.clear();  // streams that still read one share it
  std::map<std::string, std::map<std::string, TaskCounts>> reported;
  for (auto& [client, place] : places_) {
    if (place.state != TaskState::kReported) continue;
    reported[place.member.dataset][client] = std::move(place.counts);
  }
  return reported;
}

}  // namespace tributary
