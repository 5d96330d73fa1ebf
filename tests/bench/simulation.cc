#include "tests/bench/simulation.h"

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "common/model/initial_state.h"
#include "common/train/schedule.h"
#include "common/train/shard_samples.h"
#include "server/aggregation/plan.h"
#include "server/method/fedcola/auxiliary.h"
#include "server/round/sampler.h"
#include "tests/bench/united_samples.h"

namespace tributary {
namespace {

absl::StatusOr<std::unique_ptr<Samples>> OpenSamples(const std::string& path,
                                                     const RunConfig& config,
                                                     std::shared_ptr<const Tokenizer> tokenizer,
                                                     int64_t* classes) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Shard> shard, Shard::Open(path));
  *classes = static_cast<int64_t>(shard->info().classes.size());
  return MakeShardSamples(std::move(shard), std::move(tokenizer), config.model.spec.max_tokens);
}

ModelSpec SpecOf(const RunConfig& config, int64_t classes, int64_t vocabulary_size) {
  ModelSpec spec = config.model.spec;
  spec.vocabulary_size = vocabulary_size;
  spec.classes = classes;
  spec.complementary = config.local.complementary;
  return spec;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Simulation>> Simulation::Create(const RunConfig& config,
                                                               const SimulationOptions& options) {
  std::unique_ptr<Simulation> simulation(new Simulation(config, options));
  std::map<std::string, HeldOutTask> held_out;
  for (const DatasetConfig& dataset : config.datasets) {
    RETURN_IF_ERROR(simulation->LoadDataset(dataset, &held_out));
  }
  ASSIGN_OR_RETURN(simulation->evaluator_,
                   Evaluator::Create(std::move(held_out), {.threads = options.workers}));
  return simulation;
}

absl::Status Simulation::LoadDataset(const DatasetConfig& dataset,
                                     std::map<std::string, HeldOutTask>* held_out) {
  ASSIGN_OR_RETURN(const std::string vocabulary, FindVocabulary(config_.model.vocabulary));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer, Tokenizer::Load(vocabulary));
  int64_t classes = 0;
  ASSIGN_OR_RETURN(std::unique_ptr<Samples> test,
                   OpenSamples(dataset.path + "/test/test.shard", config_, tokenizer, &classes));
  const ModelSpec spec = SpecOf(config_, classes, tokenizer->size());
  specs_[dataset.name] = spec;
  (*held_out)[dataset.name] = {spec, std::move(test)};
  ASSIGN_OR_RETURN(const Manifest plain,
                   ModelManifest(spec, dataset.modality, TensorScope::kPlain));
  ASSIGN_OR_RETURN(const Manifest download,
                   ModelManifest(spec, dataset.modality, TensorScope::kDownload));
  targets_.push_back({dataset.name, dataset.modality, plain});
  ASSIGN_OR_RETURN(StateDict initial,
                   InitialState(spec, dataset.modality, config_.seed, dataset.name));
  if (spec.complementary != ComplementaryLayers::kNone && dataset.modality != Modality::kPair) {
    ASSIGN_OR_RETURN(auxiliary_[dataset.name], InitialAuxiliary(download, initial));
  }
  globals_[dataset.name] = std::move(initial);
  std::vector<std::unique_ptr<Samples>> all;
  for (int i = 0; i < dataset.clients; ++i) {
    const std::string name = absl::StrFormat("%s-%02d", dataset.name, i);
    ASSIGN_OR_RETURN(std::unique_ptr<Samples> samples,
                     OpenSamples(absl::StrFormat("%s/client-%02d/train.shard", dataset.path, i),
                                 config_, tokenizer, &classes));
    if (options_.central) {
      all.push_back(std::move(samples));
    } else {
      RETURN_IF_ERROR(AddClient(dataset, name, std::move(samples)));
    }
  }
  if (!options_.central) return absl::OkStatus();
  return AddClient(dataset, dataset.name + "-all", std::make_unique<UnitedSamples>(std::move(all)));
}

absl::Status Simulation::AddClient(const DatasetConfig& dataset, const std::string& name,
                                   std::unique_ptr<Samples> samples) {
  const auto count = static_cast<uint64_t>(samples->count());
  ASSIGN_OR_RETURN(std::unique_ptr<LocalTrainer> trainer,
                   LocalTrainer::Create(specs_.at(dataset.name), std::move(samples), {}));
  clients_.push_back({{name, dataset.name, dataset.modality, count}, std::move(trainer)});
  return absl::OkStatus();
}

StateDict Simulation::Download(const std::string& dataset) const {
  StateDict download = globals_.at(dataset);
  if (const auto found = auxiliary_.find(dataset); found != auxiliary_.end()) {
    for (const auto& [name, tensor] : found->second) download.Add(name, tensor).IgnoreError();
  }
  return download;
}

LocalTask Simulation::TaskOf(const Client& client, int round) const {
  LocalTask task{.round = round,
                 .seed = config_.seed,
                 .client = client.member.client,
                 .training = config_.local};
  task.training.learning_rate = LearningRate(config_.local, round);
  return task;
}

std::vector<size_t> Simulation::Sample(int round) const {
  std::map<std::string, std::vector<std::string>> groups;
  for (const Client& client : clients_) {
    groups[client.member.dataset].push_back(client.member.client);
  }
  std::vector<size_t> cohort;
  for (const std::string& name :
       SampleCohort(groups, config_.round.fraction, config_.seed, round, 1)) {
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i].member.client == name) cohort.push_back(i);
    }
  }
  return cohort;
}

absl::StatusOr<std::vector<TrainingResult>> Simulation::TrainAll(const std::vector<size_t>& cohort,
                                                                 int round) {
  std::vector<absl::StatusOr<TrainingResult>> outcomes(cohort.size(), absl::UnknownError(""));
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < cohort.size(); i = next++) {
      const Client& client = clients_[cohort[i]];
      outcomes[i] = client.trainer->Train(Download(client.member.dataset), TaskOf(client, round),
                                          nullptr, std::atomic<bool>(false));
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < options_.workers; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  std::vector<TrainingResult> results;
  for (absl::StatusOr<TrainingResult>& outcome : outcomes) {
    RETURN_IF_ERROR(outcome.status());
    results.push_back(*std::move(outcome));
  }
  return results;
}

void Simulation::Aggregate(const std::vector<size_t>& cohort,
                           const std::vector<TrainingResult>& results) {
  std::vector<CohortMember> members;
  for (const size_t i : cohort) members.push_back(clients_[i].member);
  const Plan plan = BuildPlan(targets_, members, config_.aggregation);
  for (const Target& target : targets_) {
    StateDict& global = globals_.at(target.dataset);
    for (size_t p = 0; p < target.manifest.tensors.size(); ++p) {
      std::vector<float>& values = global.Find(target.manifest.tensors[p].name)->values;
      std::vector<double> sum(values.begin(), values.end());
      for (const Contribution& part : plan.at(target.dataset)[p]) {
        const std::vector<float>& theirs = results[part.member].upload.Find(part.source)->values;
        for (size_t i = 0; i < sum.size(); ++i) {
          sum[i] += part.coefficient * (static_cast<double>(theirs[i]) - values[i]);
        }
      }
      values.assign(sum.begin(), sum.end());
    }
  }
}

absl::StatusOr<RoundOutcome> Simulation::RunRound(int round) {
  const std::vector<size_t> cohort = Sample(round);
  ASSIGN_OR_RETURN(const std::vector<TrainingResult> results, TrainAll(cohort, round));
  RoundOutcome outcome{.round = round, .cpu_seconds = 0, .loss = {}, .tasks = {}};
  std::map<std::string, double> members;
  for (size_t i = 0; i < cohort.size(); ++i) {
    const CohortMember& member = clients_[cohort[i]].member;
    cpu_seconds_ += results[i].seconds;
    seconds_[member.dataset] += results[i].seconds;
    samples_[member.dataset] += static_cast<double>(member.samples) * config_.local.epochs;
    outcome.loss[member.dataset] += results[i].last_loss;
    members[member.dataset] += 1;
  }
  for (auto& [name, loss] : outcome.loss) loss /= members[name];
  Aggregate(cohort, results);
  if (!auxiliary_.empty()) RETURN_IF_ERROR(RefreshAuxiliary(targets_, globals_, &auxiliary_));
  outcome.cpu_seconds = cpu_seconds_;
  if (round % config_.evaluation.every == 0 || round == config_.rounds) {
    ASSIGN_OR_RETURN(const auto tasks, evaluator_->EvaluateAll(globals_));
    outcome.tasks = TasksToJson(tasks);
  }
  return outcome;
}

std::map<std::string, double> Simulation::SamplesPerSecond() const {
  std::map<std::string, double> rates;
  for (const auto& [name, seconds] : seconds_) rates[name] = samples_.at(name) / seconds;
  return rates;
}

}  // namespace tributary
