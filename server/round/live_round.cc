#include "server/round/live_round.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

std::vector<UploadBounds> BoundsOfAll(const RoundOptions& options) {
  std::vector<UploadBounds> bounds;
  for (const CohortMember& member : options.cohort) {
    bounds.push_back(BoundsOf(options.aggregator->ManifestOf(member)));
  }
  return bounds;
}

// A turn goes on with a stream at once, and that calls back into the round: never call one with
// mutex_ held.
void CallAll(const UploadQueue::Turns& turns) {
  for (const UploadQueue::Turn& turn : turns) turn();
}

}  // namespace

LiveRound::LiveRound(RoundOptions options, Wake wake)
    : options_(std::move(options)),
      wake_(std::move(wake)),
      tasks_(
          options_.round, options_.cohort, BoundsOfAll(options_),
          [this](const CohortMember& member, uint64_t most_bytes) {
            return NewUpload(member, most_bytes);
          },
          options_.check_report),
      queue_(options_.clock) {}

std::shared_ptr<Upload> LiveRound::NewUpload(const CohortMember& member,
                                             uint64_t most_bytes) const {
  const std::string path = absl::StrCat(options_.spool_folder, "/", member.client, ".spool");
  return options_.aggregator->NewUpload(member, most_bytes,
                                        std::make_unique<Spool>(path, options_.spool_budget.get()));
}

RoundState LiveRound::State() const {
  absl::MutexLock lock(&mutex_);
  return {.round = options_.round,
          .attempt = options_.attempt,
          .deadline = options_.deadline,
          .cohort = tasks_.Participants()};
}

std::vector<std::string> LiveRound::Unacknowledged() const {
  absl::MutexLock lock(&mutex_);
  return tasks_.Unacknowledged();
}

bool LiveRound::Wants(const std::string& client) const {
  return Ask(client).state() == v1::UpdateState::STATE_WANTED;
}

void LiveRound::Accept(const std::string& client) {
  absl::MutexLock lock(&mutex_);
  // No wake: a decision on the round does not depend on who has only begun.
  tasks_.Accept(client);
}

void LiveRound::Lost(const std::string& client) {
  UploadQueue::Turns moot;
  {
    absl::MutexLock lock(&mutex_);
    if (!tasks_.Lose(client)) return;
    moot = queue_.Withdraw(client);
  }
  CallAll(moot);
  // Without MemoryFreed(): a client that comes and goes must not make the others patient again and
  // again.
  Admit();
}

void LiveRound::Fail(const std::string& client, const std::string& reason) {
  UploadQueue::Turns moot;
  {
    absl::MutexLock lock(&mutex_);
    if (!tasks_.GiveUp(client)) return;
    moot = queue_.Withdraw(client);
  }
  CallAll(moot);
  options_.events->TaskFailed(options_.round, client, reason);
  AfterMemoryWasFreed();
}

absl::StatusOr<std::shared_ptr<const EncodedState>> LiveRound::Download(
    const std::string& client, uint64_t held_version, uint32_t first_chunk) const {
  absl::MutexLock lock(&mutex_);
  const ClientTask* task = tasks_.Find(client);
  if (task == nullptr) {
    return absl::NotFoundError(absl::StrCat("client ", client, " is not in the cohort of round ",
                                            options_.round, ", attempt ", options_.attempt));
  }
  if (tasks_.closed()) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", options_.round, " is closed; its model is not sent any more"));
  }
  return ChooseDownload(options_.downloads.at(task->member.dataset), client, held_version,
                        first_chunk);
}

v1::UpdateState LiveRound::Ask(const std::string& client) const {
  absl::MutexLock lock(&mutex_);
  return tasks_.Answer(client);
}

void LiveRound::AwaitTurn(const std::string& client, uint64_t bytes, UploadQueue::Turn answer) {
  UploadQueue::Turns turns;
  {
    absl::MutexLock lock(&mutex_);
    if (std::shared_ptr<Upload> upload = tasks_.Prepare(client, bytes)) {
      turns =
          queue_.Wait(client, UploadQueue::Kind::kQuestion, std::move(upload), std::move(answer));
    } else {
      turns.push_back(std::move(answer));  // there is nothing to wait for
    }
  }
  CallAll(turns);
  Admit();  // perhaps this one: there may be memory, and nobody before it
}

CohortTasks::Start LiveRound::BeginPush(const std::string& client, const v1::PushHeader& header) {
  timings_.receive.Begin();
  CohortTasks::Start start;
  UploadQueue::Turns moot;
  {
    absl::MutexLock lock(&mutex_);
    start = tasks_.Begin(client, header, options_.clock->Now());
    // A push that begins takes the client's place in the queue over, in AwaitRoom().
    if (start.ticket < 0) moot = queue_.Withdraw(client);
  }
  CallAll(moot);
  if (start.state.state() == v1::UpdateState::STATE_REFUSED) {
    options_.events->UpdateRefused(options_.round, client, start.state.message());
    // Memory that it had reserved when it asked is free. The coordinator may have waited for this
    // client alone.
    Admit();
    wake_();
  }
  return start;
}

void LiveRound::AwaitRoom(const std::string& client, int ticket, UploadQueue::Turn read) {
  UploadQueue::Turns turns;
  {
    absl::MutexLock lock(&mutex_);
    const ClientTask* task = tasks_.Find(client);
    if (task->ticket == ticket && task->upload != nullptr) {
      turns = queue_.Wait(client, UploadQueue::Kind::kPush, task->upload, std::move(read));
    } else {
      turns.push_back(std::move(read));  // its first chunk is told that the upload was given up
    }
  }
  CallAll(turns);
  Admit();
}

void LiveRound::Admit() {
  UploadQueue::Turns turns;
  {
    absl::MutexLock lock(&mutex_);
    turns = queue_.Admit([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return tasks_.Load(); });
  }
  CallAll(turns);
}

void LiveRound::AfterMemoryWasFreed() {
  {
    absl::MutexLock lock(&mutex_);
    queue_.MemoryFreed();
  }
  Admit();
  wake_();
}

absl::Status LiveRound::AppendChunk(const std::string& client, int ticket, std::string chunk) {
  // Counted before it is judged: `bytes_up` is what the line carried, refused chunks included.
  bytes_up_ += chunk.size();
  std::shared_ptr<Upload> upload;
  {
    absl::MutexLock lock(&mutex_);
    absl::StatusOr<std::shared_ptr<Upload>> open = tasks_.Continue(client, ticket);
    if (!open.ok()) return open.status();
    upload = *std::move(open);
    if (upload->reserved()) queue_.Arrived(chunk.size());
  }
  // Without the lock: streams of other clients are verified at the same time. If a newer stream
  // takes the upload over meanwhile, Append() says Aborted by the ticket.
  absl::Status status;
  {
    const WorkTime::Scope scope(&timings_.decode);
    status = upload->Append(ticket, std::move(chunk));
  }
  if (!status.ok()) Reject(client, std::move(upload), status);
  return status;
}

void LiveRound::Reject(const std::string& client, std::shared_ptr<Upload> upload,
                       const absl::Status& status) {
  v1::UpdateState state;
  {
    absl::MutexLock lock(&mutex_);
    if (!tasks_.Reject(client, upload, status)) return;
    state = tasks_.Answer(client);
  }
  upload.reset();  // its memory is for the next
  if (state.state() == v1::UpdateState::STATE_REFUSED) {
    options_.events->UpdateRefused(options_.round, client, state.message());
  }
  AfterMemoryWasFreed();
}

v1::UpdateState LiveRound::FinishPush(const std::string& client, int ticket) {
  std::shared_ptr<Upload> upload;
  absl::Time began;
  {
    absl::MutexLock lock(&mutex_);
    // From here on the client is told that its update is being added, and Close() waits for it.
    upload = tasks_.TakeComplete(client, ticket);
    if (upload == nullptr) return tasks_.Answer(client);
    began = tasks_.Find(client)->push_began;
  }
  const uint64_t bytes = upload->bytes();
  absl::Status verdict;
  {
    const WorkTime::Scope scope(&timings_.accumulate);
    // Also without the lock, as in AppendChunk(): this decodes a whole update. TakeComplete() has
    // marked the task, so no second stream adds it.
    verdict = options_.aggregator->Add(client, std::move(upload), options_.threads);
  }
  v1::UpdateState state;
  UpdateRecord record;
  {
    absl::MutexLock lock(&mutex_);
    tasks_.Added(client, ticket, verdict, bytes);
    added_.SignalAll();
    state = tasks_.Answer(client);
    record = tasks_.Find(client)->record;
  }
  if (verdict.ok()) {
    options_.events->UpdateAccepted(options_.round, client, record, options_.clock->Now() - began);
  } else if (state.state() == v1::UpdateState::STATE_REFUSED) {
    options_.events->UpdateRefused(options_.round, client, state.message());
  }
  AfterMemoryWasFreed();
  return state;
}

void LiveRound::Close() {
  UploadQueue::Turns moot;
  {
    absl::MutexLock lock(&mutex_);
    tasks_.Close();
    // An update that is being added is part of the round: the sum cannot forget half of it.
    while (tasks_.adding() > 0) added_.Wait(&mutex_);
    // Frees the models before the merge needs memory. Streams that still read one share it.
    options_.downloads.clear();
    moot = queue_.WithdrawAll();
  }
  CallAll(moot);
}

std::map<std::string, UpdateRecord> LiveRound::Updates() const {
  absl::MutexLock lock(&mutex_);
  return tasks_.Updates();
}

}  // namespace tributary
