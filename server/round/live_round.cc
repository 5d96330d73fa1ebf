#include "server/round/live_round.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

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

// An honest chunk holds at least a kilobyte, but for the last and for tiny tensors.
uint64_t MostChunks(uint64_t bytes, uint64_t tensors) { return bytes / 1024 + tensors + 1; }

// What the client did wrong, as opposed to what our disk did.
bool IsClientsFault(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

void Call(const std::vector<std::function<void()>>& functions) {
  for (const std::function<void()>& function : functions) function();
}

}  // namespace

LiveRound::LiveRound(Setup setup, Wake wake) : setup_(std::move(setup)), wake_(std::move(wake)) {
  absl::MutexLock lock(&mutex_);
  for (const CohortMember& member : setup_.cohort) {
    Part& part = parts_[member.client];
    part.member = &member;
    const Manifest& manifest = setup_.aggregator->ManifestOf(member);
    part.elements = static_cast<uint64_t>(manifest.ElementCount());
    part.tensors = manifest.tensors.size();
  }
}

RoundState LiveRound::State() const {
  absl::MutexLock lock(&mutex_);
  RoundState state{
      .round = setup_.round, .attempt = setup_.attempt, .deadline = setup_.deadline, .cohort = {}};
  for (const auto& [client, part] : parts_) state.cohort.push_back({client, part.state});
  return state;
}

std::vector<std::string> LiveRound::Unacknowledged() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> clients;
  for (const auto& [client, part] : parts_) {
    const bool open = part.state != TaskState::kReported && part.state != TaskState::kFailed;
    if (open && !part.acknowledged) clients.push_back(client);
  }
  return clients;
}

bool LiveRound::Wants(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  return AskLocked(client).state() == v1::UpdateState::STATE_WANTED;
}

void LiveRound::Accept(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  const auto found = parts_.find(client);
  if (found == parts_.end()) return;
  found->second.acknowledged = true;
  if (found->second.state == TaskState::kOffered) found->second.state = TaskState::kAccepted;
}

void LiveRound::Lost(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  const auto found = parts_.find(client);
  if (found == parts_.end()) return;
  Part& part = found->second;
  part.acknowledged = false;
  // Room that was given and not used is for others.
  if (part.upload != nullptr && part.upload->chunks() == 0) part.upload.reset();
  if (part.state == TaskState::kAccepted || part.state == TaskState::kPushing) {
    part.state = TaskState::kOffered;
  }
}

bool LiveRound::Fail(const std::string& client) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = parts_.find(client);
    if (found == parts_.end() || closed_ || found->second.state == TaskState::kReported)
      return false;
    found->second.state = TaskState::kFailed;
    found->second.upload.reset();
  }
  Admit();
  wake_();
  return true;
}

absl::StatusOr<std::shared_ptr<const EncodedState>> LiveRound::Download(
    const std::string& client, uint64_t held_version) const {
  absl::MutexLock lock(&mutex_);
  const auto found = parts_.find(client);
  if (found == parts_.end()) {
    return absl::NotFoundError(absl::StrCat("client ", client, " is not in the cohort of round ",
                                            setup_.round, ", attempt ", setup_.attempt));
  }
  if (closed_) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", setup_.round, " is closed; its model is not sent any more"));
  }
  const PublishedModel& model = setup_.downloads.at(found->second.member->dataset);
  const bool fits =
      model.delta != nullptr && held_version != 0 && model.delta->version().base == held_version;
  return fits ? model.delta : model.whole;
}

v1::UpdateState LiveRound::AskLocked(const std::string& client) const {
  const auto found = parts_.find(client);
  if (found == parts_.end()) {
    return MakeState(
        v1::UpdateState::STATE_LATE,
        absl::StrCat("client ", client, " is not in the cohort of round ", setup_.round));
  }
  const Part& part = found->second;
  if (part.state == TaskState::kReported) {
    return MakeState(v1::UpdateState::STATE_ACCEPTED, "the update is held");
  }
  if (part.adding) {
    // A repeated push must not begin anew what is being added; the client asks again.
    return MakeState(v1::UpdateState::STATE_WANTED, "the update is being added; ask again",
                     part.header.chunks());
  }
  if (!part.refused.empty()) return MakeState(v1::UpdateState::STATE_REFUSED, part.refused);
  if (closed_ || part.state == TaskState::kFailed) {
    return MakeState(
        v1::UpdateState::STATE_LATE,
        absl::StrCat("round ", setup_.round, " takes no update from client ", client, " any more"));
  }
  return MakeState(v1::UpdateState::STATE_WANTED, "",
                   part.upload == nullptr ? 0 : part.upload->chunks());
}

v1::UpdateState LiveRound::Ask(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  return AskLocked(client);
}

uint64_t LiveRound::MostBytesOf(const Part& part, uint64_t announced) const {
  const uint64_t most = MostUploadBytes(part.elements, part.tensors);
  return announced == 0 ? most : std::min<uint64_t>(announced, most);
}

std::shared_ptr<Upload> LiveRound::NewUpload(const Part& part, uint64_t bytes) {
  const std::string path = absl::StrCat(setup_.spool_folder, "/", part.member->client, ".spool");
  return setup_.aggregator->NewUpload(*part.member, MostBytesOf(part, bytes),
                                      std::make_unique<Spool>(path, setup_.spool_budget.get()));
}

std::string LiveRound::FaultOf(const Part& part, const v1::PushHeader& header) const {
  const uint64_t most_bytes = MostUploadBytes(part.elements, part.tensors);
  const uint64_t most_chunks = MostChunks(most_bytes, part.tensors);
  if (header.chunks() == 0 || header.chunks() > most_chunks) {
    return absl::StrCat("announces ", header.chunks(), " chunks, expected 1 to ", most_chunks);
  }
  if (header.bytes() > most_bytes) {
    return absl::StrCat("announces ", header.bytes(), " bytes, expected at most ", most_bytes);
  }
  return "";
}

v1::UpdateState LiveRound::BeginPush(const std::string& client, const v1::PushHeader& header,
                                     int* ticket) {
  absl::MutexLock lock(&mutex_);
  v1::UpdateState state = AskLocked(client);
  if (state.state() != v1::UpdateState::STATE_WANTED) return state;
  Part& part = parts_.at(client);
  if (part.adding) return state;
  if (const std::string fault = FaultOf(part, header); !fault.empty()) {
    part.state = TaskState::kFailed;
    part.refused = absl::StrCat("client ", client, " ", fault);
    return AskLocked(client);
  }
  const bool prepared = part.upload != nullptr && part.upload->chunks() == 0 &&
                        part.upload->most_bytes() == MostBytesOf(part, header.bytes());
  if ((header.first_chunk() == 0 && !prepared) || part.upload == nullptr) {
    // From the start: what an earlier stream left behind is dropped.
    part.upload.reset();
    part.upload = NewUpload(part, header.bytes());
  }
  const uint32_t held = part.upload->Claim(part.ticket + 1);
  *ticket = ++part.ticket;
  if (header.first_chunk() != held) {
    state.set_next_chunk(held);
    state.set_message(
        absl::StrCat("the upload must go on at chunk ", held, ", not ", header.first_chunk()));
    *ticket = -1;
    return state;
  }
  part.header = header;
  part.acknowledged = true;
  part.state = TaskState::kPushing;
  return state;
}

bool LiveRound::TooSlowLocked(absl::Duration elapsed) const {
  uint64_t left = 0;
  for (const auto& [client, part] : parts_) {
    if (part.upload != nullptr && part.upload->reserved()) {
      left += part.upload->most_bytes() - part.upload->bytes();
    }
  }
  if (left == 0) return adding_ == 0;  // memory that is kept to the end of the round
  // left / (arrived_ / elapsed) > kLongestTurn
  return static_cast<double>(left) * absl::ToDoubleSeconds(elapsed) >
         static_cast<double>(arrived_) * absl::ToDoubleSeconds(kLongestTurn);
}

std::vector<std::function<void()>> LiveRound::AdmittedLocked() {
  std::vector<std::function<void()>> begin;
  const absl::Time now = setup_.clock->Now();
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    const Part& part = parts_.at(next.client);
    const bool moot = closed_ || part.ticket != next.ticket || part.upload == nullptr;
    const bool overdue =
        now - std::max(next.since, progressed_) >= kPatience && TooSlowLocked(now - progressed_);
    if (!moot && !part.upload->Reserve() && !overdue) break;
    begin.push_back(std::move(next.begin));
    waiting_.pop_front();
    progressed_ = now;
    arrived_ = 0;
  }
  // Those behind keep their turn, but a question is answered before the client gives up on it.
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (next->question && now - next->since >= kLongestTurn) {
      begin.push_back(std::move(next->begin));
      next = waiting_.erase(next);
    } else {
      ++next;
    }
  }
  return begin;
}

void LiveRound::Admit(bool progressed) {
  std::vector<std::function<void()>> begin;
  {
    absl::MutexLock lock(&mutex_);
    if (progressed) {
      progressed_ = setup_.clock->Now();
      arrived_ = 0;
    }
    begin = AdmittedLocked();
  }
  Call(begin);
}

void LiveRound::AdmitOverdue() { Admit(/*progressed=*/false); }

void LiveRound::AwaitRoom(const std::string& client, int ticket, std::function<void()> begin) {
  {
    absl::MutexLock lock(&mutex_);
    const Part& part = parts_.at(client);
    if (part.upload == nullptr || !part.upload->reserved()) {
      waiting_.push_back({client, ticket, false, setup_.clock->Now(), std::move(begin)});
      begin = nullptr;
    }
  }
  if (begin) return begin();  // it had its turn when it asked
  Admit(/*progressed=*/false);
}

void LiveRound::AwaitTurn(const std::string& client, uint64_t bytes, std::function<void()> answer) {
  {
    absl::MutexLock lock(&mutex_);
    const v1::UpdateState state = AskLocked(client);
    const bool from_start =
        bytes > 0 && state.state() == v1::UpdateState::STATE_WANTED && state.next_chunk() == 0;
    if (from_start) {
      Part& part = parts_.at(client);
      if (part.upload == nullptr || part.upload->most_bytes() != MostBytesOf(part, bytes)) {
        part.upload.reset();
        part.upload = NewUpload(part, bytes);
      }
      waiting_.push_back({client, part.ticket, true, setup_.clock->Now(), std::move(answer)});
      answer = nullptr;
    }
  }
  if (answer) return answer();
  Admit(/*progressed=*/false);
}

absl::Status LiveRound::AppendChunk(const std::string& client, int ticket, std::string chunk) {
  std::shared_ptr<Upload> upload;
  {
    absl::MutexLock lock(&mutex_);
    const Part& part = parts_.at(client);
    if (closed_ || part.ticket != ticket || part.upload == nullptr) {
      return absl::AbortedError(absl::StrCat("client ", client, ": this upload was given up"));
    }
    upload = part.upload;
    if (upload->reserved()) arrived_ += chunk.size();
    if (upload->chunks() >= part.header.chunks()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "client ", client, " announced ", part.header.chunks(), " chunks and sends more"));
    }
  }
  absl::Status status;
  {
    const StageWork::Scope scope(&stages_.decode);
    status = upload->Append(ticket, std::move(chunk));
  }
  if (IsClientsFault(status) || absl::IsFailedPrecondition(status)) {
    Refuse(client, std::move(upload), status);
  }
  return status;
}

void LiveRound::Refuse(const std::string& client, std::shared_ptr<Upload> upload,
                       const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    Part& part = parts_.at(client);
    if (part.upload != upload) return;
    part.upload.reset();
    if (IsClientsFault(status)) {
      part.state = TaskState::kFailed;
      part.refused = std::string(status.message());
    } else {
      part.state = TaskState::kAccepted;  // an update of another making: from its first chunk
    }
  }
  upload.reset();  // its room is for the next
  Admit();
  wake_();
}

v1::UpdateState LiveRound::FinishPush(const std::string& client, int ticket,
                                      AcceptedUpdate* accepted) {
  std::shared_ptr<Upload> upload;
  {
    absl::MutexLock lock(&mutex_);
    Part& part = parts_.at(client);
    if (closed_ || part.ticket != ticket || part.upload == nullptr) return AskLocked(client);
    if (part.upload->chunks() < part.header.chunks()) {  // cut: to be resumed
      part.state = TaskState::kAccepted;
      return AskLocked(client);
    }
    upload = std::move(part.upload);
    part.adding = true;
    ++adding_;
  }
  const uint64_t bytes = upload->bytes();
  absl::Status verdict;
  {
    const StageWork::Scope scope(&stages_.accumulate);
    verdict = setup_.aggregator->Add(client, std::move(upload), setup_.threads);
  }
  v1::UpdateState state = Added(client, ticket, verdict, bytes, accepted);
  Admit();
  wake_();
  return state;
}

v1::UpdateState LiveRound::Added(const std::string& client, int ticket, const absl::Status& verdict,
                                 uint64_t bytes, AcceptedUpdate* accepted) {
  absl::MutexLock lock(&mutex_);
  --adding_;
  added_.SignalAll();
  Part& part = parts_.at(client);
  part.adding = false;
  if (verdict.ok()) {
    part.state = TaskState::kReported;
    part.accepted = {.client = client, .bytes = bytes, .report = part.header.report()};
    *accepted = part.accepted;
  } else if (IsClientsFault(verdict)) {
    part.state = TaskState::kFailed;
    part.refused = std::string(verdict.message());
  } else if (part.ticket == ticket) {
    part.state = TaskState::kAccepted;  // our fault: the client may try again
  }
  return AskLocked(client);
}

void LiveRound::Close() {
  std::vector<std::function<void()>> begin;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    // An update that is being added is part of the round: the sum cannot forget half of it.
    while (adding_ > 0) added_.Wait(&mutex_);
    for (auto& [client, part] : parts_) part.upload.reset();
    setup_.downloads.clear();
    begin = AdmittedLocked();
  }
  Call(begin);
}

absl::Status LiveRound::MergeInto(std::map<std::string, StateDict>* globals,
                                  const BesideMerge& beside) {
  {
    const StageWork::Scope scope(&stages_.accumulate);
    RETURN_IF_ERROR(setup_.aggregator->AddKept(setup_.threads));
  }
  const StageWork::Scope scope(&stages_.merge);
  return setup_.aggregator->FinishInto(globals, setup_.threads, beside);
}

Sums LiveRound::TakeSums() { return setup_.aggregator->TakeSums(); }

std::map<std::string, StateDict> LiveRound::Representations() const {
  return setup_.aggregator->Representations();
}

std::map<std::string, AcceptedUpdate> LiveRound::Accepted() const {
  absl::MutexLock lock(&mutex_);
  std::map<std::string, AcceptedUpdate> accepted;
  for (const auto& [client, part] : parts_) {
    if (part.state == TaskState::kReported) accepted[client] = part.accepted;
  }
  return accepted;
}

}  // namespace tributary
