#include "server/round/coordinator.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "server/round/attendance.h"
#include "server/round/round_payload.h"
#include "server/round/run_result.h"
#include "server/round/task_message.h"

namespace tributary {
namespace {

// How often silence, deadlines and the offers that nobody has acknowledged are looked at: well
// below the shortest deadline of a run file, 1 s.
constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kProgressEvery = absl::Milliseconds(500);
// Offers may be lost with a connection; the client drops what it has already.
constexpr absl::Duration kOfferEvery = absl::Seconds(2);
constexpr absl::Duration kFarewell = absl::Seconds(5);
constexpr size_t kRoundsOfEstimate = 8;  // whose mean says how long the rounds take that are left

v1::ServerMessage RunFinishedMessage() {
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  message.mutable_shutdown()->set_message("the run is finished");
  return message;
}

}  // namespace

Coordinator::Coordinator(Dependencies dependencies)
    : deps_(std::move(dependencies)),
      // In memory nothing can fail.
      own_control_(deps_.control == nullptr ? *RunControl::Open("") : nullptr),
      control_(deps_.control == nullptr ? own_control_.get() : deps_.control),
      goal_(control_->RoundsInPlaceOf(deps_.context->config.rounds)),
      events_(deps_.events),
      client_evaluation_({.context = deps_.context,
                          .registry = deps_.registry,
                          .clock = deps_.clock,
                          .events = &events_}),
      models_({.context = deps_.context,
               .store = deps_.store,
               .hooks = deps_.hooks,
               .clock = deps_.clock,
               .evaluate = std::move(deps_.evaluate)}),
      best_(deps_.context, deps_.store) {}

void Coordinator::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void Coordinator::Stop(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  // The first reason counts: a second signal must not hide why the run ended.
  if (!stop_.has_value()) stop_ = reason;
  woken_ = true;
}

RunSnapshot Coordinator::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  RunSnapshot snapshot = snapshot_;
  snapshot.rounds = goal_.rounds();
  snapshot.paused = control_->paused();
  snapshot.evicted = control_->evicted();
  // Under the lock: CloseRound() moves the round's bytes over to snapshot_ under it.
  if (const std::shared_ptr<LiveRound> live = active_.Get()) {
    snapshot.bytes_up += live->bytes_up();
    snapshot.bytes_down += live->bytes_down();
    for (const Participant& participant : live->State().cohort) {
      snapshot.tasks[participant.client] = participant.state;
    }
  }
  if (const auto evaluation = active_.Evaluation()) {
    snapshot.bytes_down += evaluation->bytes_down();
    for (const Participant& participant : evaluation->Participants()) {
      snapshot.tasks[participant.client] = participant.state;
    }
  }
  return snapshot;
}

void Coordinator::OnRefused(const std::string& client, const std::string& reason) {
  events_.ClientRefused(client, reason);
}

void Coordinator::OnAttending(const std::string& client, const std::vector<uint32_t>& held_rounds) {
  if (const std::optional<ClientInfo> info = deps_.registry->Client(client)) {
    events_.ClientJoined(*info, held_rounds);
  }
  if (const std::shared_ptr<LiveRound> live = active_.Get();
      live != nullptr && live->Wants(client)) {
    Offer(*live, client);
  }
  if (const auto evaluation = active_.Evaluation();
      evaluation != nullptr && evaluation->Wants(client)) {
    client_evaluation_.Offer(*evaluation, client);
  }
  if (finished_) deps_.registry->Send(client, RunFinishedMessage());
  Wake();
}

absl::Status Coordinator::SetRounds(int rounds, const OperatorMark& mark) {
  return goal_.Set(rounds,
                   [&] { return control_->SetRounds(rounds, deps_.context->config.rounds, mark); });
}

void Coordinator::GiveUpOn(const std::string& client, const std::string& reason) {
  if (const std::shared_ptr<LiveRound> live = active_.Get()) live->Fail(client, reason);
  if (const auto evaluation = active_.Evaluation()) evaluation->Fail(client, reason);
  Wake();
}

void Coordinator::OnLeft(const std::string& client, const std::string& reason) {
  events_.ClientLeft(client, reason);
  Lost(client);
}

void Coordinator::Lost(const std::string& client) {
  if (const std::shared_ptr<LiveRound> live = active_.Get()) live->Lost(client);
  if (const auto evaluation = active_.Evaluation()) evaluation->Lost(client);
  Wake();
}

absl::Status Coordinator::Run() {
  RETURN_IF_ERROR(Begin());
  ASSIGN_OR_RETURN(const std::optional<int> last, deps_.store->LastRound());
  for (int round = *last + 1;; ++round) {
    // Also of a run that goes on: it had ended here before.
    if (best_.ReasonToStop().has_value()) return FinishRun();
    ASSIGN_OR_RETURN(const bool begins, BeginsRound(round));
    if (!begins) return FinishRun();
    absl::Status status = RunRound(round);
    if (!status.ok()) {
      CloseRound(std::string(status.message()));
      return status;
    }
  }
}

absl::StatusOr<bool> Coordinator::BeginsRound(int round) {
  bool told = false;
  while (goal_.Wants(round)) {
    const std::optional<OperatorMark> paused = control_->paused();
    if (!paused) return true;
    if (!std::exchange(told, true)) RETURN_IF_ERROR(Enter(round, 0, Phase::kPaused));
    RETURN_IF_ERROR(Pause(absl::InfiniteFuture(), absl::StrCat("paused ", InWords(*paused))));
  }
  return false;
}

absl::Status Coordinator::Begin() {
  const int64_t spool_bytes = deps_.spool_bytes.value_or(SpoolBytes(LargestUpload(*deps_.context)));
  spool_budget_ = std::make_shared<SpoolBudget>(spool_bytes, spool_bytes);
  ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, deps_.store->History());
  for (const RoundRecord& record : history) RememberCommitted(record);
  if (!history.empty()) goal_.Begin(history.back().round, !history.back().model_hash.empty());
  RETURN_IF_ERROR(models_.Open(std::move(deps_.initial)));
  return best_.Open(history);
}

void Coordinator::RememberCommitted(const RoundRecord& record) {
  round_seconds_.push_back(record.seconds);
  if (round_seconds_.size() > kRoundsOfEstimate) round_seconds_.pop_front();
  const double all = std::accumulate(round_seconds_.begin(), round_seconds_.end(), 0.0);
  const int left = std::max(0, goal_.rounds() - record.round);
  absl::MutexLock lock(&mutex_);
  for (const auto& [client, update] : record.updates) merged_[client] = record.round;
  snapshot_.loss = MeanLosses(record.updates);
  if (!record.tasks.empty()) snapshot_.metrics = TasksToJson(record.tasks);
  snapshot_.seconds_left = left * all / static_cast<double>(round_seconds_.size());
}

absl::Status Coordinator::RunRound(int round) {
  const int attempts = deps_.context->config.round.attempts;
  std::string reason;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    RETURN_IF_ERROR(Enter(round, attempt, Phase::kWaiting));
    RETURN_IF_ERROR(AwaitClients());
    const absl::Time started = deps_.clock->Now();
    ASSIGN_OR_RETURN(const std::shared_ptr<LiveRound> live, OpenRound(round, attempt));
    ASSIGN_OR_RETURN(const RoundDecision decision, AwaitUpdates(live.get()));
    if (decision.action == RoundDecision::Action::kClose) {
      // First: from here on no update may join the sums that are merged.
      CloseRound(absl::StrCat("round ", round, " is closed"));
      return CommitRound(live, started);
    }
    reason = decision.reason;
    CloseRound(reason);
    // The sums' memory serves the next attempt; the uploads that were added to them are lost, and
    // clients send them again from their disks.
    models_.TakeBack(live->aggregator());
    events_.RoundRetry(round, attempt, reason);
  }
  return absl::UnavailableError(absl::StrCat(
      "round ", round, " came to nothing in ", attempts, " attempts, last because: ", reason,
      "; the last commit stands: mend that and start again"));
}

absl::Status Coordinator::AwaitClients() {
  const RoundConfig& config = deps_.context->config.round;
  // At the start everybody is awaited for long; later, a client that was lost gets the grace
  // period.
  const bool first = first_round_ == absl::InfinitePast();
  const absl::Duration patience = first ? config.join_timeout : config.grace;
  while (true) {
    Attendance attendance = AttendanceOf(deps_.registry->Clients(), *deps_.context);
    // Who is refused is not waited for.
    attendance.expected -= static_cast<int>(control_->evicted().size());
    // Kept from round to round: a client that has been missed for long is not waited for again
    // before each of them.
    if (attendance.complete()) {
      missed_since_ = absl::InfinitePast();
    } else if (missed_since_ == absl::InfinitePast()) {
      missed_since_ = deps_.clock->Now();
    }
    attendance.waiting_since = missed_since_;
    RoundDecision decision = DecideStart(deps_.clock->Now(), attendance, patience);
    if (decision.action == RoundDecision::Action::kClose) {
      if (first) first_round_ = deps_.clock->Now();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Pause(decision.until, decision.reason));
  }
}

absl::StatusOr<std::shared_ptr<LiveRound>> Coordinator::OpenRound(int round, int attempt) {
  const RunContext& context = *deps_.context;
  std::vector<CohortMember> cohort =
      SampleMembers(deps_.registry->Clients(), context.config, round, attempt);
  // Where the uploads of the whole cohort fit into memory, they are kept there until the merge,
  // which reads them once, in place of a pass over the sums for each.
  const bool keep = UploadsOf(cohort, context) <= spool_budget_->bytes();
  std::unique_ptr<Aggregator> aggregator = models_.NewAggregator(cohort, keep);
  auto live = std::make_shared<LiveRound>(
      RoundOptions{
          .round = round,
          .attempt = attempt,
          .deadline = deps_.clock->Now() + context.config.round.deadline,
          .cohort = std::move(cohort),
          .downloads = models_.published(),
          .aggregator = std::move(aggregator),
          .spool_folder = deps_.store->folder(),
          .spool_budget = spool_budget_,
          .threads = CoreCount(),
          .clock = deps_.clock,
          .events = &events_,
          .check_report =
              [hooks = deps_.hooks](const CohortMember& member, const v1::TrainingReport& report) {
                return hooks->CheckReport(member, report);
              }},
      [this] { Wake(); });
  active_.Set(live);  // before the tasks are offered: clients may answer at once
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kTraining));
  events_.RoundStarted(round, attempt, goal_.rounds(), live->cohort());
  for (const CohortMember& member : live->cohort()) Offer(*live, member.client);
  last_offer_ = deps_.clock->Now();
  return live;
}

void Coordinator::Offer(const LiveRound& live, const std::string& client) const {
  // Tells a client that uploads with a lossy codec whether its last update counted: only then does
  // what the codec took away from it belong to the next one.
  int merged_round = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto found = merged_.find(client); found != merged_.end()) {
      merged_round = found->second;
    }
  }
  v1::ServerMessage message;
  *message.mutable_task() = MakeTask(*deps_.context, live.round(), live.attempt(),
                                     live.State().deadline - deps_.clock->Now(), merged_round);
  deps_.registry->Send(client, std::move(message));
}

absl::StatusOr<RoundDecision> Coordinator::AwaitUpdates(LiveRound* live) {
  while (true) {
    // Before Decide(): a round with spoiled sums must not be closed, whoever has reported.
    if (const absl::Status health = live->health(); !health.ok()) {
      return RoundDecision{RoundDecision::Action::kRetry, std::string(health.message())};
    }
    const RoundDecision decision =
        Decide(deps_.clock->Now(), live->State(), deps_.context->config.round);
    if (decision.action != RoundDecision::Action::kWait) return decision;
    RETURN_IF_ERROR(Pause(decision.until, decision.reason));
  }
}

void Coordinator::CloseRound(const std::string& reason) {
  const std::shared_ptr<LiveRound> live = active_.Get();
  if (live == nullptr) return;
  live->Close();
  // After Close(): an update that was accepted until then is in State() as reported, and its client
  // is not told to drop it.
  for (const Participant& participant : live->State().cohort) {
    if (participant.state == TaskState::kReported) continue;
    deps_.registry->Send(participant.client,
                         MakeCancelTask(live->round(), live->attempt(), reason));
  }
  // In one critical section with active_: Snapshot() would count the round twice or not at all
  // between the two.
  absl::MutexLock lock(&mutex_);
  snapshot_.bytes_up += live->bytes_up();
  snapshot_.bytes_down += live->bytes_down();
  active_.Set(nullptr);
}

absl::Status Coordinator::CommitRound(const std::shared_ptr<LiveRound>& live, absl::Time started) {
  const int round = live->round(), attempt = live->attempt();
  RoundRecord record{.round = round, .attempt = attempt, .updates = live->Updates()};
  ClosedRound closed{
      .round = round, .updates = {}, .aggregator = live->aggregator(), .timings = &live->timings()};
  for (const CohortMember& member : live->cohort()) {
    const auto update = record.updates.find(member.client);
    if (update == record.updates.end()) continue;
    closed.updates.push_back(
        {.client = member.client, .modality = member.modality, .record = update->second});
  }
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kAggregating));
  RETURN_IF_ERROR(models_.Merge(std::move(closed)));
  const bool evaluates = goal_.DecideEvaluation(round, deps_.context->config.evaluation.every);
  models_.SetEvaluates(round, evaluates);
  if (evaluates) {
    RETURN_IF_ERROR(Enter(round, attempt, Phase::kEvaluating));
    const RunConfig& config = deps_.context->config;
    if (config.EvaluatesOnServer()) {
      ASSIGN_OR_RETURN(record.tasks, models_.Evaluate());
    }
    if (config.EvaluatesOnClients()) RETURN_IF_ERROR(EvaluateOnClients(live.get(), &record));
  }
  record.bytes_up = live->bytes_up();
  record.bytes_down += live->bytes_down();
  RETURN_IF_ERROR(models_.Commit(&record, started, &live->timings()));
  // After the commit: a client that is told so gives up what it needs to train the round again.
  RememberCommitted(record);
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kCommitted));
  events_.RoundCommitted(record, goal_.rounds(),
                         absl::ToDoubleSeconds(deps_.clock->Now() - started), live->timings(),
                         Snapshot().seconds_left);
  ASSIGN_OR_RETURN(const bool best, best_.Take(record, models_.models()));
  if (best) {
    events_.BestModels(round, deps_.context->config.evaluation.best, best_.best()->value);
  }
  return absl::OkStatus();
}

absl::Status Coordinator::EvaluateOnClients(LiveRound* live, RoundRecord* record) {
  RETURN_IF_ERROR(models_.PublishEarly(&live->timings()));
  const std::shared_ptr<EvaluationRound> evaluation =
      client_evaluation_.Open(*live, models_.published(), [this] { Wake(); });
  active_.SetEvaluation(evaluation);  // before the tasks are offered: clients may answer at once
  const size_t asked = evaluation->Open().size();
  client_evaluation_.OfferUnacknowledged(*evaluation);
  last_offer_ = deps_.clock->Now();
  absl::Status status;
  while (status.ok() && deps_.clock->Now() < evaluation->deadline()) {
    const std::vector<std::string> open = evaluation->Open();
    if (open.empty()) break;
    status = Pause(evaluation->deadline(), absl::StrCat("evaluation by clients: waiting for ",
                                                        NameSome(open), " of ", asked));
  }
  // Also after Stop(): clients must not go on counting for a round that is dropped.
  client_evaluation_.Close(evaluation.get(), record);
  absl::MutexLock lock(&mutex_);
  snapshot_.bytes_down += evaluation->bytes_down();
  active_.SetEvaluation(nullptr);
  return status;
}

absl::Status Coordinator::FinishRun() {
  ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, deps_.store->History());
  nlohmann::json result = MakeRunResult(*deps_.context, history);
  if (const auto reason = AddBest(best_, goal_.rounds(), &result)) {
    events_.StoppedEarly(history.back().round, *reason);
  }
  RETURN_IF_ERROR(WriteRunResult(deps_.store->folder(), *deps_.context, result, models_.models()));
  RETURN_IF_ERROR(Enter(history.back().round, 0, Phase::kFinished));
  finished_ = true;  // before all are told: who attends from now on is told by OnAttending()
  deps_.registry->SendToAll(RunFinishedMessage());
  events_.RunFinished(result);
  // Clients take their leave; those that do not are cut off with the server.
  const absl::Time end = deps_.clock->Now() + kFarewell;
  while (deps_.registry->linked() > 0 && deps_.clock->Now() < end) {
    if (!Pause(end, "waiting for clients to leave").ok()) break;
  }
  return absl::OkStatus();
}

absl::Status Coordinator::Enter(int round, int attempt, Phase phase) {
  {
    absl::MutexLock lock(&mutex_);
    snapshot_.round = round;
    snapshot_.phase = phase;
    snapshot_.waiting.clear();
  }
  EmitProgress();
  return deps_.store->RecordTransition(deps_.clock->Now(), round, attempt, PhaseName(phase),
                                       /*reason=*/"");
}

absl::Status Coordinator::Pause(absl::Time until, const std::string& waiting) {
  Tick();
  // woken_ stays set from the last Pause() on, so what came in between is not slept through.
  absl::MutexLock lock(&mutex_);
  snapshot_.waiting = waiting;
  deps_.clock->AwaitWithDeadline(&mutex_, absl::Condition(&woken_),
                                 std::min(until, deps_.clock->Now() + kTick));
  woken_ = false;
  if (stop_.has_value()) return absl::CancelledError(*stop_);
  return absl::OkStatus();
}

void Coordinator::Tick() {
  const absl::Time now = deps_.clock->Now();
  if (now - last_sweep_ >= kTick) {  // a tick may come with each update; a sweep visits all clients
    DropSilent();
    last_sweep_ = now;
  }
  if (const std::shared_ptr<LiveRound> live = active_.Get()) {
    if (now - last_offer_ >= kOfferEvery) {
      for (const std::string& client : live->Unacknowledged()) Offer(*live, client);
      last_offer_ = now;
    }
    live->AdmitOverdue();
  }
  if (const auto evaluation = active_.Evaluation();
      evaluation != nullptr && now - last_offer_ >= kOfferEvery) {
    client_evaluation_.OfferUnacknowledged(*evaluation);
    last_offer_ = now;
  }
  if (now - last_progress_ >= kProgressEvery) {
    EmitProgress();
    last_progress_ = now;
  }
}

void Coordinator::DropSilent() {
  for (const std::string& client :
       deps_.registry->DropSilent(deps_.context->config.wire.liveness)) {
    events_.ClientFellSilent(client);
    Lost(client);
  }
}

void Coordinator::EmitProgress() { events_.Progress(Snapshot(), deps_.registry->Clients()); }

}  // namespace tributary
