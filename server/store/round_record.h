// RoundRecord: what is remembered of a committed round beside its models; and the one place where
// its updates become JSON and are read back: `updates` of result.json and of the run store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {

// One client's update that the round holds, and what the client told of its training.
struct UpdateRecord {
  std::string dataset = {};
  uint64_t samples = 0;   // n_k
  uint64_t bytes = 0;     // of the upload
  double loss = 0;        // mean over the last epoch
  double first_loss = 0;  // mean over the first epoch
  uint32_t steps = 0;
  double train_seconds = 0;
  double peak_rss_bytes = 0;
  // Of its weights before merging, on its own test part; nothing where that was not asked for.
  std::optional<TaskMetrics> trained = {};
};

struct RoundRecord {
  int round = 0;
  int attempt = 0;
  double seconds = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  std::string model_hash = {};                       // empty where not evaluated
  std::map<std::string, TaskMetrics> tasks = {};     // by dataset; empty where not evaluated
  std::map<std::string, UpdateRecord> updates = {};  // by client
};

// {client: {dataset, samples, bytes, loss, first_loss, steps, train_seconds, peak_rss_bytes}}, with
// `trained` (as of TasksToJson()) where the client evaluated its own weights; a
// loss that is not finite becomes null.
nlohmann::json UpdatesToJson(const std::map<std::string, UpdateRecord>& updates);
// The inverse: what it returns is written as the same text. InvalidArgument names what is not as
// UpdatesToJson() writes it.
absl::StatusOr<std::map<std::string, UpdateRecord>> UpdatesFromJson(const nlohmann::json& updates);

// Mean training loss by dataset, each client the same whatever its samples.
std::map<std::string, double> MeanLosses(const std::map<std::string, UpdateRecord>& updates);

}  // namespace tributary
