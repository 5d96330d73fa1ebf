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
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"
#include "common/train/samples.h"
#include "common/train/schedule.h"
#include "server/held_out.h"
#include "server/initial_models.h"
#include "server/round/run_identity.h"
#include "server/round/run_result.h"
#include "server/store/round_record.h"
#include "server/store/run_store.h"
#include "tool/central/central_config.h"
#include "tool/central/central_data.h"

namespace tributary {
namespace {

constexpr absl::Duration kProgressEvery = absl::Milliseconds(500);

// The one client of a dataset, that holds all its data. Random choices are drawn from its streams.
struct Trainee {
  std::string client;
  std::string dataset;
  std::unique_ptr<LocalTrainer> trainer;
};

double PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

// How far each client is, as "progress" events twice a second at most. Thread-safe.
class Progress {
 public:
  Progress(int round, int rounds, EventLog* events)
      : round_(round), rounds_(rounds), events_(events) {}

  void OnStep(const std::string& client, int64_t step, int64_t steps, double loss) {
    absl::MutexLock lock(&mutex_);
    clients_[client] = {{"stage", "training"}, {"step", step}, {"steps", steps}, {"loss", loss}};
    const absl::Time now = absl::Now();
    if (now - last_ < kProgressEvery) return;
    last_ = now;
    events_->EmitLive("progress", "",
                      {{"round", round_},
                       {"rounds", rounds_},
                       {"phase", "training"},
                       {"waiting", ""},
                       {"clients", clients_}});
  }

 private:
  const int round_, rounds_;
  EventLog* const events_;
  absl::Mutex mutex_;
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  nlohmann::json clients_ ABSL_GUARDED_BY(mutex_) = nlohmann::json::object();
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
    trainees.push_back({absl::StrCat(name, "-all"), name, *std::move(trainer)});
  }
  return trainees;
}

class CentralRun {
 public:
  // `store`, `events` and `stopping` must outlive this.
  CentralRun(RunContext context, std::vector<Trainee> trainees,
             std::unique_ptr<Evaluator> evaluator, ModelSet models, RunStore* store,
             EventLog* events, const std::atomic<bool>& stopping)
      : context_(std::move(context)),
        trainees_(std::move(trainees)),
        evaluator_(std::move(evaluator)),
        models_(std::move(models)),
        store_(store),
        events_(events),
        stopping_(stopping) {}

  // The rounds from `first` on, and the result.
  absl::Status Run(int first) {
    for (int round = first; round <= context_.config.rounds; ++round) {
      RETURN_IF_ERROR(RunRound(round));
    }
    ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, store_->History());
    const nlohmann::json result = MakeRunResult(context_, history);
    RETURN_IF_ERROR(WriteRunResult(store_->folder(), context_, result, models_));
    events_->Emit("run_finished", "the run is finished", {{"result", result}});
    return absl::OkStatus();
  }

 private:
  absl::Status RunRound(int round) {
    const absl::Time started = absl::Now();
    events_->Emit("round_started", absl::StrCat("round ", round, " of ", context_.config.rounds),
                  {{"round", round}, {"attempt", 0}});
    RoundRecord record;
    record.round = round;
    RETURN_IF_ERROR(TrainAll(round, &record));
    if (round % context_.config.evaluation.every == 0 || round == context_.config.rounds) {
      ASSIGN_OR_RETURN(record.tasks, evaluator_->EvaluateAll(models_.globals));
      record.model_hash = ModelHash(models_.globals);
    }
    record.seconds = absl::ToDoubleSeconds(absl::Now() - started);
    RETURN_IF_ERROR(store_->Commit(record, models_, absl::Now()));
    Tell(record);
    return absl::OkStatus();
  }

  // Trains all datasets, side by side as far as there are cores. The globals change only if all of
  // them are done.
  absl::Status TrainAll(int round, RoundRecord* record) {
    Progress progress(round, context_.config.rounds, events_);
    std::vector<absl::StatusOr<TrainingResult>> results(trainees_.size(),
                                                        absl::UnknownError("not trained"));
    const int at_once = std::max(1, CoreCount() / context_.config.launch.threads);
    ParallelFor(at_once, trainees_.size(),
                [&](size_t i) { results[i] = Train(trainees_[i], round, &progress); });
    for (const auto& result : results) RETURN_IF_ERROR(result.status());
    for (size_t i = 0; i < trainees_.size(); ++i) {
      const Trainee& trainee = trainees_[i];
      record->updates[trainee.client] = {
          .dataset = trainee.dataset,
          .samples = static_cast<uint64_t>(trainee.trainer->sample_count()),
          .bytes = 0,
          .loss = results[i]->last_loss,
          .first_loss = results[i]->first_loss,
          .steps = static_cast<uint32_t>(results[i]->steps),
          .train_seconds = results[i]->seconds,
          .peak_rss_bytes = PeakResidentBytes()};
      models_.globals.at(trainee.dataset) = std::move(results[i]->upload);
    }
    return absl::OkStatus();
  }

  // As a client of the federation in this round, from the model as it stands.
  absl::StatusOr<TrainingResult> Train(const Trainee& trainee, int round, Progress* progress) {
    LocalTask task{.round = round,
                   .seed = context_.config.seed,
                   .client = trainee.client,
                   .training = context_.config.local};
    task.training.learning_rate = LearningRate(context_.config.local, round);
    return trainee.trainer->Train(
        models_.globals.at(trainee.dataset), task,
        [&](int64_t step, int64_t steps, double loss) {
          progress->OnStep(trainee.client, step, steps, loss);
        },
        stopping_);
  }

  void Tell(const RoundRecord& record) {
    nlohmann::json data = {{"round", record.round},
                           {"attempt", 0},
                           {"seconds", record.seconds},
                           {"clients", record.updates.size()},
                           {"loss", MeanLosses(record.updates)}};
    if (!record.tasks.empty()) {
      data["model_hash"] = record.model_hash;
      data["tasks"] = TasksToJson(record.tasks);
    }
    events_->Emit(
        "round_committed",
        absl::StrCat("round ", record.round, " of ", context_.config.rounds, " committed"),
        std::move(data));
  }

  const RunContext context_;
  const std::vector<Trainee> trainees_;
  const std::unique_ptr<Evaluator> evaluator_;
  ModelSet models_;
  RunStore* const store_;
  EventLog* const events_;
  const std::atomic<bool>& stopping_;
};

// The models to begin with: of the last commit, else new ones, which become round 0.
absl::StatusOr<ModelSet> BeginWith(const RunContext& context, std::optional<int> resumed,
                                   RunStore* store, EventLog* events) {
  if (resumed.has_value()) return store->LoadLast();
  ASSIGN_OR_RETURN(InitialModels initial, MakeInitialModels(context));
  for (const InitialNote& note : initial.notes) {
    events->Emit("pretrained", note.message,
                 {{"dataset", note.dataset},
                  {"taken", note.taken},
                  {"skipped", note.skipped},
                  {"random", note.random}});
  }
  ModelSet models;
  models.globals = std::move(initial.globals);
  RETURN_IF_ERROR(store->Commit(RoundRecord(), models, absl::Now()));
  return models;
}

// Turns the run's end into its last event, and a stop into OK.
absl::Status End(const absl::Status& status, EventLog* events) {
  if (status.ok()) return status;
  const std::string reason(status.message());
  if (absl::IsCancelled(status)) {
    events->Emit("run_stopped", "stopped", {{"reason", reason}});
    return absl::OkStatus();
  }
  events->Emit("run_failed", absl::StrCat("failed: ", reason), {{"reason", reason}});
  return status;
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
  ASSIGN_OR_RETURN(const std::optional<int> resumed, IdentifyRun(store.get(), &context));
  ASSIGN_OR_RETURN(const std::unique_ptr<EventLog> events,
                   EventLog::Open(options.folder + "/events.jsonl", &SystemClock()));
  const int subscription = events->Subscribe(~uint64_t{0}, on_event);
  const absl::Cleanup unsubscribe = [&] { events->Unsubscribe(subscription); };
  events->Emit(
      "run_started",
      absl::StrCat("run ", config.name, " (", MethodName(config), "), ", config.rounds, " rounds",
                   resumed.has_value() ? absl::StrCat(", goes on after round ", *resumed) : ""),
      {{"run_id", context.run_id},
       {"name", config.name},
       {"method", std::string(MethodName(config))},
       {"rounds", config.rounds},
       {"seed", config.seed},
       {"resumed_round", resumed.value_or(0)}});
  auto models = BeginWith(context, resumed, store.get(), events.get());
  if (!models.ok()) return End(models.status(), events.get());
  CentralRun run(std::move(context), std::move(trainees), std::move(evaluator), *std::move(models),
                 store.get(), events.get(), stopping);
  return End(run.Run(resumed.value_or(0) + 1), events.get());
}

}  // namespace tributary
