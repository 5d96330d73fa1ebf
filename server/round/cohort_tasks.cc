#include "server/round/cohort_tasks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/counts_proto.h"

namespace tributary {
namespace {

v1::UpdateState MakeState(v1::UpdateState::State state, absl::string_view message,
                          uint32_t next_chunk = 0) {
  v1::UpdateState result;
  result.set_state(state);
  result.set_message(std::string(message));
  result.set_next_chunk(next_chunk);
  return result;
}

// What the client did wrong, as opposed to what our disk did.
bool IsClientsFault(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

bool MayStillReport(const ClientTask& task) {
  return task.state != TaskState::kReported && task.state != TaskState::kFailed;
}

// What an upload that is announced with so many bytes (0: not told) may take at most.
uint64_t MostBytes(const ClientTask& task, uint64_t announced) {
  return announced == 0 ? task.bounds.bytes : std::min(announced, task.bounds.bytes);
}

// What the client counted with its own weights, if it told that and the counts can be. Counts that
// cannot be are left out: they are for a table, and the update is none the worse.
std::optional<TaskMetrics> TrainedMetrics(const v1::TrainingReport& report) {
  if (!report.has_trained()) return std::nullopt;
  const absl::StatusOr<TaskCounts> counts = CountsFromProto(report.trained());
  if (!counts.ok() || counts->samples == 0) return std::nullopt;
  const int64_t classes = counts->classification.has_value() ? counts->classification->classes : 0;
  if (!CheckCounts(*counts, classes).ok()) return std::nullopt;
  return MetricsOf(*counts);
}

UpdateRecord RecordOf(const ClientTask& task, uint64_t bytes) {
  const v1::TrainingReport& report = task.header.report();
  return {.dataset = task.member.dataset,
          .samples = task.member.samples,
          .bytes = bytes,
          .loss = report.loss(),
          .first_loss = report.first_loss(),
          .steps = report.steps(),
          .train_seconds = report.train_seconds(),
          .peak_rss_bytes = report.peak_rss_bytes(),
          .trained = TrainedMetrics(report)};
}

}  // namespace

CohortTasks::CohortTasks(int round, const std::vector<CohortMember>& cohort,
                         const std::vector<UploadBounds>& bounds, NewUpload new_upload,
                         CheckReport check_report)
    : round_(round), new_upload_(std::move(new_upload)), check_report_(std::move(check_report)) {
  for (size_t i = 0; i < cohort.size(); ++i) {
    ClientTask& task = tasks_[cohort[i].client];
    task.member = cohort[i];
    task.bounds = bounds[i];
  }
}

const ClientTask* CohortTasks::Find(const std::string& client) const {
  const auto found = tasks_.find(client);
  return found == tasks_.end() ? nullptr : &found->second;
}

std::vector<Participant> CohortTasks::Participants() const {
  std::vector<Participant> participants;
  for (const auto& [client, task] : tasks_) participants.push_back({client, task.state});
  return participants;
}

std::vector<std::string> CohortTasks::Unacknowledged() const {
  std::vector<std::string> clients;
  for (const auto& [client, task] : tasks_) {
    if (MayStillReport(task) && !task.acknowledged) clients.push_back(client);
  }
  return clients;
}

std::map<std::string, UpdateRecord> CohortTasks::Updates() const {
  std::map<std::string, UpdateRecord> updates;
  for (const auto& [client, task] : tasks_) {
    if (task.state == TaskState::kReported) updates[client] = task.record;
  }
  return updates;
}

UploadQueue::Load CohortTasks::Load() const {
  UploadQueue::Load load{.bytes_to_come = 0, .adding = adding_};
  for (const auto& [client, task] : tasks_) {
    if (task.upload != nullptr && task.upload->reserved()) {
      load.bytes_to_come += task.upload->most_bytes() - task.upload->bytes();
    }
  }
  return load;
}

v1::UpdateState CohortTasks::Answer(const std::string& client) const {
  const ClientTask* task = Find(client);
  if (task == nullptr) {
    return MakeState(v1::UpdateState::STATE_LATE,
                     absl::StrCat("client ", client, " is not in the cohort of round ", round_));
  }
  if (task->state == TaskState::kReported) {
    return MakeState(v1::UpdateState::STATE_ACCEPTED, "the update is held");
  }
  if (task->adding) {
    // A repeated push must not begin anew what is being added; the client asks again.
    return MakeState(v1::UpdateState::STATE_WANTED, "the update is being added; ask again",
                     task->header.chunks());
  }
  if (!task->refused.empty()) return MakeState(v1::UpdateState::STATE_REFUSED, task->refused);
  if (closed_ || task->state == TaskState::kFailed) {
    return MakeState(
        v1::UpdateState::STATE_LATE,
        absl::StrCat("round ", round_, " takes no update from client ", client, " any more"));
  }
  return MakeState(v1::UpdateState::STATE_WANTED, "",
                   task->upload == nullptr ? 0 : task->upload->chunks());
}

void CohortTasks::Accept(const std::string& client) {
  const auto found = tasks_.find(client);
  if (found == tasks_.end()) return;
  found->second.acknowledged = true;
  if (found->second.state == TaskState::kOffered) found->second.state = TaskState::kAccepted;
}

bool CohortTasks::Lose(const std::string& client) {
  const auto found = tasks_.find(client);
  if (found == tasks_.end()) return false;
  ClientTask& task = found->second;
  task.acknowledged = false;
  if (task.state == TaskState::kAccepted || task.state == TaskState::kPushing) {
    task.state = TaskState::kOffered;
  }
  // Chunks that have come stay: the client, when it is back, goes on with the next one.
  if (task.upload == nullptr || task.upload->chunks() > 0) return false;
  task.upload.reset();
  return true;
}

bool CohortTasks::GiveUp(const std::string& client) {
  const auto found = tasks_.find(client);
  if (found == tasks_.end() || closed_ || found->second.state == TaskState::kReported) return false;
  found->second.state = TaskState::kFailed;
  found->second.upload.reset();
  return true;
}

std::shared_ptr<Upload> CohortTasks::Prepare(const std::string& client, uint64_t bytes) {
  const v1::UpdateState answer = Answer(client);
  const bool from_start =
      bytes > 0 && answer.state() == v1::UpdateState::STATE_WANTED && answer.next_chunk() == 0;
  if (!from_start) return nullptr;
  ClientTask& task = tasks_.at(client);
  const uint64_t most_bytes = MostBytes(task, bytes);
  if (task.upload == nullptr || task.upload->most_bytes() != most_bytes) {
    task.upload.reset();  // first: the new one may need the memory
    task.upload = new_upload_(task.member, most_bytes);
  }
  return task.upload;
}

absl::Status CohortTasks::CheckHeader(const ClientTask& task, const v1::PushHeader& header) const {
  if (header.chunks() == 0 || header.chunks() > task.bounds.chunks) {
    return absl::InvalidArgumentError(absl::StrCat("client ", task.member.client, " announces ",
                                                   header.chunks(), " chunks, expected 1 to ",
                                                   task.bounds.chunks));
  }
  if (header.bytes() > task.bounds.bytes) {
    return absl::InvalidArgumentError(absl::StrCat("client ", task.member.client, " announces ",
                                                   header.bytes(), " bytes, expected at most ",
                                                   task.bounds.bytes));
  }
  if (header.samples() != 0 && header.samples() != task.member.samples) {
    return absl::InvalidArgumentError(
        absl::StrCat("client ", task.member.client, " announces an update of ", header.samples(),
                     " samples, expected the ", task.member.samples,
                     " that it attended with when the round began; its data were changed"));
  }
  if (check_report_ == nullptr) return absl::OkStatus();
  const absl::Status fault = check_report_(task.member, header.report());
  return fault.ok() ? fault
                    : absl::InvalidArgumentError(
                          absl::StrCat("client ", task.member.client, " ", fault.message()));
}

CohortTasks::Start CohortTasks::Begin(const std::string& client, const v1::PushHeader& header,
                                      absl::Time now) {
  Start start{.state = Answer(client)};
  if (start.state.state() != v1::UpdateState::STATE_WANTED) return start;
  ClientTask& task = tasks_.at(client);
  if (task.adding) return start;
  if (const absl::Status fault = CheckHeader(task, header); !fault.ok()) {
    Refuse(&task, fault);
    return {.state = Answer(client)};
  }
  const uint64_t most_bytes = MostBytes(task, header.bytes());
  const bool prepared = task.upload != nullptr && task.upload->chunks() == 0 &&
                        task.upload->most_bytes() == most_bytes;
  if ((header.first_chunk() == 0 && !prepared) || task.upload == nullptr) {
    // From the start: what an earlier stream left behind is dropped, and its memory with it.
    task.upload.reset();
    task.upload = new_upload_(task.member, most_bytes);
  }
  // The earlier stream loses its ticket even if this one cannot go on: whoever has dialled anew has
  // given that one up.
  const uint32_t held = task.upload->Claim(++task.ticket);
  if (header.first_chunk() != held) {
    start.state.set_next_chunk(held);
    start.state.set_message(
        absl::StrCat("the upload must go on at chunk ", held, ", not ", header.first_chunk()));
    return start;
  }
  task.header = header;
  task.push_began = now;
  task.acknowledged = true;
  task.state = TaskState::kPushing;
  start.ticket = task.ticket;
  return start;
}

absl::StatusOr<std::shared_ptr<Upload>> CohortTasks::Continue(const std::string& client,
                                                              int ticket) const {
  const ClientTask& task = tasks_.at(client);
  if (closed_ || task.ticket != ticket || task.upload == nullptr) {
    return absl::AbortedError(absl::StrCat("client ", client, ": this upload was given up"));
  }
  if (task.upload->chunks() >= task.header.chunks()) {
    return absl::InvalidArgumentError(absl::StrCat("client ", client, " announced ",
                                                   task.header.chunks(), " chunks and sends more"));
  }
  return task.upload;
}

void CohortTasks::Refuse(ClientTask* task, const absl::Status& status) {
  task->state = TaskState::kFailed;
  task->refused = std::string(status.message());
  task->upload.reset();
}

bool CohortTasks::Reject(const std::string& client, const std::shared_ptr<Upload>& upload,
                         const absl::Status& status) {
  ClientTask& task = tasks_.at(client);
  if (task.upload != upload) return false;
  if (IsClientsFault(status)) {
    Refuse(&task, status);
    return true;
  }
  // Our disk, or another stream: what has come is as it was before this chunk.
  if (!absl::IsFailedPrecondition(status)) return false;
  task.upload.reset();
  task.state = TaskState::kAccepted;
  return true;
}

std::shared_ptr<Upload> CohortTasks::TakeComplete(const std::string& client, int ticket) {
  ClientTask& task = tasks_.at(client);
  if (closed_ || task.ticket != ticket || task.upload == nullptr) return nullptr;
  if (task.upload->chunks() < task.header.chunks()) {  // cut: to be resumed
    task.state = TaskState::kAccepted;
    return nullptr;
  }
  task.adding = true;
  ++adding_;
  return std::move(task.upload);
}

void CohortTasks::Added(const std::string& client, int ticket, const absl::Status& verdict,
                        uint64_t bytes) {
  ClientTask& task = tasks_.at(client);
  task.adding = false;
  --adding_;
  if (verdict.ok()) {
    task.state = TaskState::kReported;
    task.record = RecordOf(task, bytes);
  } else if (IsClientsFault(verdict)) {
    Refuse(&task, verdict);
  } else if (task.ticket == ticket) {
    task.state = TaskState::kAccepted;  // our fault: the client may try again
  }
}

void CohortTasks::Close() {
  closed_ = true;
  for (auto& [client, task] : tasks_) task.upload.reset();
}

}  // namespace tributary
