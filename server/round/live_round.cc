#include "server/round/live_round.h"

#include <utility>

#include "absl/strings/str_cat.h"

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

// The most that an honest upload of `elements` values takes, in the largest codec, with room for
// the messages around them.
uint64_t MostBytes(uint64_t elements, uint64_t tensors) {
  return elements * 4 + elements / 4 + tensors * 256 + (64 << 10);
}

// An honest chunk holds at least a kilobyte, but for the last and for tiny tensors.
uint64_t MostChunks(uint64_t bytes, uint64_t tensors) { return bytes / 1024 + tensors + 1; }

// What the client did wrong, as opposed to what our disk did.
bool IsClientsFault(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status) || absl::IsOutOfRange(status);
}

}  // namespace

LiveRound::LiveRound(Setup setup, Wake wake)
    : setup_(std::move(setup)), wake_(std::move(wake)), budget_(setup_.spool_budget) {
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
    found->second.spool.reset();
  }
  wake_();
  return true;
}

absl::StatusOr<std::shared_ptr<const EncodedState>> LiveRound::Download(
    const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  const auto found = parts_.find(client);
  if (found == parts_.end()) {
    return absl::NotFoundError(absl::StrCat("client ", client, " is not in the cohort of round ",
                                            setup_.round, ", attempt ", setup_.attempt));
  }
  return setup_.downloads.at(found->second.member->dataset);
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
  if (part.verifying) {
    // A repeated push must not begin anew what is being added; the client asks again.
    return MakeState(v1::UpdateState::STATE_WANTED, "the update is being verified; ask again",
                     part.header.chunks());
  }
  if (!part.refused.empty()) return MakeState(v1::UpdateState::STATE_REFUSED, part.refused);
  if (closed_ || part.state == TaskState::kFailed) {
    return MakeState(
        v1::UpdateState::STATE_LATE,
        absl::StrCat("round ", setup_.round, " takes no update from client ", client, " any more"));
  }
  const size_t held = part.spool == nullptr ? 0 : part.spool->size();
  return MakeState(v1::UpdateState::STATE_WANTED, "", static_cast<uint32_t>(held));
}

v1::UpdateState LiveRound::Ask(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  return AskLocked(client);
}

v1::UpdateState LiveRound::BeginPush(const std::string& client, const v1::PushHeader& header,
                                     int* ticket) {
  absl::MutexLock lock(&mutex_);
  v1::UpdateState state = AskLocked(client);
  if (state.state() != v1::UpdateState::STATE_WANTED) return state;
  Part& part = parts_.at(client);
  if (part.verifying) return state;
  const uint64_t most_bytes = MostBytes(part.elements, part.tensors);
  if (header.chunks() == 0 || header.chunks() > MostChunks(most_bytes, part.tensors)) {
    part.state = TaskState::kFailed;
    part.refused = absl::StrCat("client ", client, " announces ", header.chunks(),
                                " chunks, expected 1 to ", MostChunks(most_bytes, part.tensors));
    return AskLocked(client);
  }
  if (header.first_chunk() == 0 || part.spool == nullptr) {
    // From the start: what an earlier stream left behind is dropped.
    part.spool =
        std::make_unique<Spool>(absl::StrCat(setup_.spool_folder, "/", client, ".spool"), &budget_);
    state.set_next_chunk(0);
  }
  if (header.first_chunk() != part.spool->size()) {
    state.set_message(absl::StrCat("the upload must go on at chunk ", part.spool->size(), ", not ",
                                   header.first_chunk()));
    *ticket = -1;
    return state;
  }
  part.header = header;
  part.acknowledged = true;
  part.state = TaskState::kPushing;
  *ticket = ++part.ticket;
  return state;
}

absl::Status LiveRound::AppendChunk(const std::string& client, int ticket, std::string chunk) {
  absl::MutexLock lock(&mutex_);
  Part& part = parts_.at(client);
  if (closed_ || part.ticket != ticket || part.spool == nullptr) {
    return absl::AbortedError(absl::StrCat("client ", client, ": this upload was given up"));
  }
  if (part.spool->size() >= part.header.chunks()) {
    return absl::InvalidArgumentError(absl::StrCat("client ", client, " announced ",
                                                   part.header.chunks(), " chunks and sends more"));
  }
  const uint64_t most = MostBytes(part.elements, part.tensors);
  if (part.spool->bytes() + chunk.size() > most) {
    part.state = TaskState::kFailed;
    part.refused = absl::StrCat(
        "client ", client, ": its upload has more than ", most,
        " bytes, the most that its manifest allows: a tensor is too long or sent twice");
    part.spool.reset();
    return absl::InvalidArgumentError(part.refused);
  }
  return part.spool->Append(std::move(chunk));
}

v1::UpdateState LiveRound::FinishPush(const std::string& client, int ticket,
                                      AcceptedUpdate* accepted) {
  std::unique_ptr<Spool> spool;
  {
    absl::MutexLock lock(&mutex_);
    Part& part = parts_.at(client);
    if (closed_ || part.ticket != ticket || part.spool == nullptr) return AskLocked(client);
    if (part.spool->size() < part.header.chunks()) return AskLocked(client);  // cut: to be resumed
    spool = std::move(part.spool);
    part.verifying = true;
    ++verifying_;
  }
  const uint64_t bytes = spool->bytes();
  const absl::Status verdict = setup_.aggregator->Add(client, std::move(spool));
  v1::UpdateState state = Verified(client, ticket, verdict, bytes, accepted);
  wake_();
  return state;
}

v1::UpdateState LiveRound::Verified(const std::string& client, int ticket,
                                    const absl::Status& verdict, uint64_t bytes,
                                    AcceptedUpdate* accepted) {
  absl::MutexLock lock(&mutex_);
  --verifying_;
  verified_.SignalAll();
  Part& part = parts_.at(client);
  part.verifying = false;
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
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  // An update that is being added is part of the round: the sum cannot forget half of it.
  while (verifying_ > 0) verified_.Wait(&mutex_);
  for (auto& [client, part] : parts_) part.spool.reset();
}

absl::StatusOr<std::map<std::string, StateDict>> LiveRound::Merge(
    const std::map<std::string, StateDict>& globals) {
  return std::move(*setup_.aggregator).Finish(globals);
}

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
