#include "tool/central/central_run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <sys/resource.h>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/trainer/local_trainer.h"
#include "common/base/clock.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"
#include "common/train/samples.h"
#include "common/train/schedule.h"
#include "server/held_out.h"
#include "server/initial_models.h"
#include "server/model_cards.h"
#include "server/round/best_models.h"
#include "server/round/run_events.h"
#include "server/round/run_identity.h"
#include "server/round/run_result.h"
#include "server/store/round_record.h"
#include "server/store/run_store.h"
#include "tool/central/central_config.h"
#include "tool/central/central_data.h"

namespace tributary {
namespace {

constexpr absl::Duration kProgressEvery = absl::Milliseconds(500);

// The one client of a dataset, which holds all its data. Random choices are drawn from its streams.
struct Trainee {
  CohortMember member;
  std::unique_ptr<LocalTrainer> trainer;
};

double PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

// Tells how far the clients are, twice a second at most. Thread-safe.
class ProgressTeller {
 public:
  ProgressTeller(int round, RunEvents* events) : events_(events) {
    snapshot_.round = round;
    snapshot_.phase = Phase::kTraining;
  }

  void OnStep(const CohortMember& member, int64_t step, int64_t steps, double loss) {
    absl::MutexLock lock(&mutex_);
    ClientInfo& client = clients_[member.client];
    client.name = member.client;
    client.attending = true;
    v1::Progress& progress = client.progress.emplace();
    progress.set_round(static_cast<uint32_t>(snapshot_.round));
    progress.set_stage("training");
    progress.set_step(static_cast<uint32_t>(step));
    progress.set_steps(static_cast<uint32_t>(steps));
    progress.set_loss(loss);
    const absl::Time now = absl::Now();
    if (now - last_ < kProgressEvery) return;
    last_ = now;
    std::vector<ClientInfo> known;
    known.reserve(clients_.size());
    for (const auto& [name, info] : clients_) known.push_back(info);
    events_->Progress(snapshot_, known);
  }

 private:
  RunEvents* const events_;
  RunSnapshot snapshot_;
  absl::Mutex mutex_;
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::map<std::string, ClientInfo> clients_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::vector<Trainee>> MakeTrainees(const RunContext& context,
                                                  const HeldOut& held_out) {
  const LaunchConfig& launch = context.config.launch;
  std::vector<Trainee> trainees;
  for (const auto& [name, dataset] : context.datasets) {
    ASSIGN_OR_RETURN(std::unique_ptr<Samples> samples,
                     OpenAllClients(dataset.config, held_out.shards.at(name)->info(),
                                    dataset.spec.max_tokens, held_out.tokenizer, launch.threads));
    auto trainer = LocalTrainer::Create(dataset.spec, std::move(samples),
                                        {.device = launch.device, .threads = launch.threads});
    if (!trainer.ok()) return Annotate(trainer.status(), absl::StrCat("dataset ", name));
    const CohortMember member = {.client = absl::StrCat(name, "-all"),
                                 .dataset = name,
                                 .modality = dataset.config.modality,
                                 .samples = static_cast<uint64_t>((*trainer)->sample_count())};
    trainees.push_back({member, *std::move(trainer)});
  }
  return trainees;
}

class CentralRun {
 public:
  // `store`, `events` and `stopping` must outlive this.
  CentralRun(RunContext context, std::vector<Trainee> trainees,
             std::unique_ptr<Evaluator> evaluator, ModelSet models, RunStore* store,
             RunEvents* events, const std::atomic<bool>& stopping)
      : context_(std::move(context)),
        trainees_(std::move(trainees)),
        evaluator_(std::move(evaluator)),
        models_(std::move(models)),
        store_(store),
        events_(events),
        best_(&context_, store),
        stopping_(stopping) {}

  // The rounds from `first` on, and the result.
  absl::Status Run(int first) {
    ASSIGN_OR_RETURN(const std::vector<RoundRecord> before, store_->History());
    RETURN_IF_ERROR(best_.Open(before));
    for (int round = first; round <= context_.config.rounds; ++round) {
      if (best_.ReasonToStop().has_value()) break;
      RETURN_IF_ERROR(RunRound(round));
    }
    ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, store_->History());
    nlohmann::json result = MakeRunResult(context_, history);
    if (const auto reason = AddBest(best_, context_.config.rounds, &result)) {
      events_->StoppedEarly(history.back().round, *reason);
    }
    RETURN_IF_ERROR(WriteRunResult(store_->folder(), context_, result, models_));
    events_->RunFinished(result);
    return absl::OkStatus();
  }

 private:
  absl::Status RunRound(int round) {
    const absl::Time started = absl::Now();
    events_->RoundStarted(round, 0, context_.config.rounds, Members());
    RoundRecord record;
    record.round = round;
    RETURN_IF_ERROR(TrainAll(round, &record));
    if (round % context_.config.evaluation.every == 0 || round == context_.config.rounds) {
      ASSIGN_OR_RETURN(record.tasks, evaluator_->EvaluateAll(models_.globals));
      record.model_hash = ModelHash(models_.globals);
    }
    record.seconds = absl::ToDoubleSeconds(absl::Now() - started);
    RETURN_IF_ERROR(store_->Commit(record, models_, absl::Now()));
    events_->RoundCommitted(record, context_.config.rounds, record.seconds, RoundTimings());
    ASSIGN_OR_RETURN(const bool best, best_.Take(record, models_));
    if (best) {
      events_->BestModels(round, context_.config.evaluation.best, best_.best()->value);
    }
    return absl::OkStatus();
  }

  std::vector<CohortMember> Members() const {
    std::vector<CohortMember> members;
    for (const Trainee& trainee : trainees_) members.push_back(trainee.member);
    return members;
  }

  // Trains all datasets, side by side as far as there are cores. The globals change only if all of
  // them are done.
  absl::Status TrainAll(int round, RoundRecord* record) {
    ProgressTeller progress(round, events_);
    std::vector<absl::StatusOr<TrainingResult>> results(trainees_.size(),
                                                        absl::UnknownError("not trained"));
    const int at_once = std::max(1, CoreCount() / context_.config.launch.threads);
    ParallelFor(at_once, trainees_.size(),
                [&](size_t i) { results[i] = Train(trainees_[i], round, &progress); });
    for (const auto& result : results) RETURN_IF_ERROR(result.status());
    for (size_t i = 0; i < trainees_.size(); ++i) {
      const CohortMember& member = trainees_[i].member;
      record->updates[member.client] = {.dataset = member.dataset,
                                        .samples = member.samples,
                                        .bytes = 0,
                                        .loss = results[i]->last_loss,
                                        .first_loss = results[i]->first_loss,
                                        .steps = static_cast<uint32_t>(results[i]->steps),
                                        .train_seconds = results[i]->seconds,
                                        .peak_rss_bytes = PeakResidentBytes()};
      models_.globals.at(member.dataset) = std::move(results[i]->upload);
    }
    return absl::OkStatus();
  }

  // As a client of the federation in this round, from the model as it stands.
  absl::StatusOr<TrainingResult> Train(const Trainee& trainee, int round,
                                       ProgressTeller* progress) {
    LocalTask task{.round = round,
                   .seed = context_.config.seed,
                   .client = trainee.member.client,
                   .training = context_.config.local};
    task.training.learning_rate = LearningRate(context_.config.local, round);
    return trainee.trainer->Train(
        models_.globals.at(trainee.member.dataset), task,
        [&](int64_t step, int64_t steps, double loss) {
          progress->OnStep(trainee.member, step, steps, loss);
        },
        stopping_);
  }

  const RunContext context_;
  const std::vector<Trainee> trainees_;
  const std::unique_ptr<Evaluator> evaluator_;
  ModelSet models_;
  RunStore* const store_;
  RunEvents* const events_;
  BestModels best_;
  const std::atomic<bool>& stopping_;
};

// The models to begin with: of the last commit, else new ones, which become round 0.
absl::StatusOr<ModelSet> BeginWith(const RunContext& context, std::optional<int> resumed,
                                   RunStore* store, RunEvents* events) {
  if (resumed.has_value()) return store->LoadLast();
  ASSIGN_OR_RETURN(InitialModels initial, MakeInitialModels(context));
  for (const InitialNote& note : initial.notes) {
    events->Pretrained(note.dataset, note.message, note.taken, note.skipped, note.random);
  }
  ModelSet models;
  models.globals = std::move(initial.globals);
  RETURN_IF_ERROR(store->Commit(RoundRecord(), models, absl::Now()));
  return models;
}

}  // namespace

absl::Status TrainCentrally(const CentralOptions& options, const EventLog::Subscriber& on_event,
                            const std::atomic<bool>& stopping) {
  ASSIGN_OR_RETURN(const RunConfig config, LoadCentralConfig(options.run, options.overrides));
  ASSIGN_OR_RETURN(const HeldOut held_out, OpenHeldOut(config));
  ASSIGN_OR_RETURN(RunContext context, ContextOf(config, held_out));
  ASSIGN_OR_RETURN(std::vector<Trainee> trainees, MakeTrainees(context, held_out));
  ASSIGN_OR_RETURN(std::unique_ptr<Evaluator> evaluator, MakeEvaluator(context, held_out));
  ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store, RunStore::Open(options.folder));
  store->KeepCheckpoints(config.checkpoints.keep);
  ASSIGN_OR_RETURN(const std::optional<int> resumed, IdentifyRun(store.get(), &context));
  RETURN_IF_ERROR(WriteModelCards(options.folder, context));
  ASSIGN_OR_RETURN(const std::unique_ptr<EventLog> log,
                   EventLog::Open(options.folder + "/events.jsonl", &SystemClock()));
  const int subscription = log->Subscribe(~uint64_t{0}, on_event);
  const absl::Cleanup unsubscribe = [&] { log->Unsubscribe(subscription); };
  RunEvents events(log.get());
  events.RunStarted(context, resumed);
  auto models = BeginWith(context, resumed, store.get(), &events);
  if (!models.ok()) return events.RunEnded(models.status());
  CentralRun run(std::move(context), std::move(trainees), std::move(evaluator), *std::move(models),
                 store.get(), &events, stopping);
  const absl::Status status = run.Run(resumed.value_or(0) + 1);
  return status.ok() ? status : events.RunEnded(status);
}

}  // namespace tributary
