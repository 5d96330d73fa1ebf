// Simulation: the rounds of a run file in one process, by the parts that the real run is made of.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "client/trainer/local_trainer.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/tensor/safetensors.h"
#include "server/aggregation/scope.h"
#include "server/evaluation/evaluator.h"

namespace tributary {

struct SimulationOptions {
  bool central = false;  // one client per dataset, with the data of all its clients
  int workers = 2;       // clients that train at the same time, one thread each
};

struct RoundOutcome {
  int round = 0;
  double cpu_seconds = 0;              // of all clients' training since the start
  std::map<std::string, double> loss;  // by dataset, mean over the last local epoch
  nlohmann::json tasks;                // as in result.json; empty if not evaluated
};

class Simulation {
 public:
  static absl::StatusOr<std::unique_ptr<Simulation>> Create(const RunConfig& config,
                                                            const SimulationOptions& options);

  const RunConfig& config() const { return config_; }
  absl::StatusOr<RoundOutcome> RunRound(int round);
  // SHA-256 of the globals, as model_hash of result.json.
  std::string Hash() const { return ModelHash(globals_); }
  // Training speed by dataset so far.
  std::map<std::string, double> SamplesPerSecond() const;

 private:
  struct Client {
    CohortMember member;
    std::unique_ptr<LocalTrainer> trainer;
  };

  Simulation(const RunConfig& config, const SimulationOptions& options)
      : config_(config), options_(options) {}
  absl::Status LoadDataset(const DatasetConfig& dataset,
                           std::map<std::string, HeldOutTask>* held_out);
  absl::Status AddClient(const DatasetConfig& dataset, const std::string& name,
                         std::unique_ptr<Samples> samples);
  StateDict Download(const std::string& dataset) const;
  LocalTask TaskOf(const Client& client, int round) const;
  absl::StatusOr<std::vector<TrainingResult>> TrainAll(const std::vector<size_t>& cohort,
                                                       int round);
  void Aggregate(const std::vector<size_t>& cohort, const std::vector<TrainingResult>& results);
  std::vector<size_t> Sample(int round) const;

  const RunConfig config_;
  const SimulationOptions options_;
  std::vector<Target> targets_;
  std::map<std::string, ModelSpec> specs_;
  std::vector<Client> clients_;
  std::unique_ptr<Evaluator> evaluator_;
  std::map<std::string, StateDict> globals_, auxiliary_;
  double cpu_seconds_ = 0;
  std::map<std::string, double> seconds_, samples_;  // by dataset
};

}  // namespace tributary
