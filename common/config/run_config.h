// RunConfig: everything that a run file says, typed and validated.
//
// A run file is TOML. Unknown keys are refused with the nearest known key, values out of range with
// the range, both with file and line. `method` is a preset of other keys; a key that the file gives
// wins over the preset. The coordinator reads the file; clients get what they need over the wire.
//
// The structs hold values and defaults. What each member's key is, its range and its meaning stand
// in the tables of fields (common/config/run_fields.h), which docs/run-file.md is made from.
#pragma once

#include <any>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/codec/codec.h"
#include "common/model/model_spec.h"
#include "common/train/local_training.h"

namespace tributary {

struct MethodCard;   // common/config/method_card.h
struct MethodTable;  // common/config/method_card.h

enum class Share { kNone, kAttn, kMlp, kBlocks };
enum class Scope { kDataset, kModality, kModalityExact, kAll };
enum class Rule { kPaper, kRelease };
enum class ModelSize { kToy, kTiny, kSmall, kBase };
enum class EvaluationPlace { kServer, kClients, kBoth };
enum class ServerOptimizer { kNone, kMomentum, kAdam, kYogi, kAdagrad };

// One dataset of the run: one global model, one group of clients.
struct DatasetConfig {
  std::string name;
  Modality modality = Modality::kPair;
  int clients = 0;   // expected to attend; `tributary run` starts them
  std::string path;  // folder made by `tributary prepare`: test/, client-00/, ...
  // File of `tributary schema`, in place of the test shard's; needed where there is no test shard.
  std::string schema{};
};

// How the models are built.
struct ModelConfig {
  ModelSize size = ModelSize::kSmall;  // preset of dim, depth and heads
  // Of all models. What differs by dataset (classes, complementary layers) and the size of the
  // vocabulary are filled in by MakeRunContext().
  ModelSpec spec = {.patch = 16, .image_size = 224, .max_tokens = 40};
  std::string vocabulary;  // path of a BERT vocabulary; empty: the one that ships with the project
};

// Pretrained weights that the globals start from: safetensors files; empty: none.
struct InitConfig {
  std::string image;  // names of timm's ViTs
  std::string text;   // names of BERT's family
};

// What is merged with what; docs/algorithm.md section 4.
struct AggregationConfig {
  Rule rule = Rule::kPaper;
  Share share = Share::kNone;
  Scope scope = Scope::kDataset;
  bool compensation = false;
  double pair_weight = 1;         // factor on n_k of pair clients
  double out_modality_scale = 1;  // rule release: factor on n_k of clients of another modality
  // Not keys: a method may set them.
  bool plain_pair_mean = false;  // pair targets are merged by rule paper whatever `rule` is
  bool normalize_steps = false;  // coefficients are divided by the client's local steps
};

// How the globals follow the merge; server/method/server_optimizer/optimizer_step.h has the
// formulas. The top field `server_optimizer` presets the others.
struct FedOptConfig {
  ServerOptimizer optimizer = ServerOptimizer::kNone;
  double learning_rate = 1;
  double momentum = 0.9;  // of the first moment; beta 1
  double beta2 = 0.99;    // of the second moment
  double tau = 1e-3;      // added to the root of the second moment
};

// Who takes part in a round and how long the coordinator waits.
struct RoundConfig {
  double fraction = 0.25;  // of each dataset's clients
  double quorum = 0.5;     // part of the cohort that must have reported at the deadline
  absl::Duration deadline = absl::Minutes(30);
  absl::Duration grace =
      absl::Seconds(10);  // past the quorum at the deadline, for updates under way
  absl::Duration join_timeout = absl::Minutes(10);  // for the expected clients to attend
  int attempts = 3;  // of a round without a quorum, before the run fails
};

// Whether f32 values are packed by zstd; kAuto: unless all clients are on this machine.
enum class Packing { kAuto, kAlways, kNever };

// Bounds of `wire.chunk_kib`. A chunk may exceed it by one slice of 1 MiB: 2.5 + 1 MiB stay below
// gRPC's 4 MiB for a message.
inline constexpr int64_t kLeastChunkKib = 16;
inline constexpr int64_t kMostChunkKib = 2560;

struct WireConfig {
  Codec upload = Codec::kInt8Block;
  Codec download = Codec::kF16;  // of a whole model: f32, f16 or bf16
  // Of the difference for a client that holds the model of the last round; nothing: none are sent.
  std::optional<Codec> download_delta = Codec::kInt8Block;
  Packing pack_f32 = Packing::kAuto;
  int64_t chunk_kib = 1024;
  absl::Duration heartbeat = absl::Seconds(5);
  absl::Duration liveness = absl::Seconds(30);  // silence after which a client counts as absent
  absl::Duration keepalive = absl::Seconds(20);

  int64_t ChunkBytes() const { return chunk_kib << 10; }
};

// Certificate files (PEM). All empty: plain text, which is allowed on the loopback or with
// `insecure`.
struct TlsConfig {
  std::string certificate, key, authority;
  bool insecure = false;
};

struct ServerConfig {
  std::string listen = "127.0.0.1:7700";
  TlsConfig tls;
};

struct EvaluationConfig {
  int every = 1;  // rounds; the last round is always evaluated
  EvaluationPlace where = EvaluationPlace::kServer;
  absl::Duration deadline = absl::Minutes(10);  // for clients to report
  bool trained = false;                         // clients also evaluate what they have just trained
  int batch = 256;
  int threads = 0;  // 0: all cores
  // By what the best round is chosen, "DATASET.METRIC" (common/config/best_metric.h); empty: none
  // is.
  std::string best;
  int patience = 0;  // evaluations without a better one until the run stops; 0: it does not
};

// What the state folder keeps beside the last commit.
struct CheckpointsConfig {
  int keep = 2;  // the newest
};

// How `tributary run` starts clients on this machine.
struct LaunchConfig {
  std::string device = "cpu";
  int threads = 1;  // of each client
};

struct RunConfig {
  std::string name;
  // Of the table that the file was read with; set by ParseRunConfig(). Outlives the config.
  const MethodCard* method = nullptr;
  uint64_t seed = 1;
  int rounds = 30;
  std::vector<DatasetConfig> datasets;
  ModelConfig model;
  InitConfig init;
  LocalTraining local;
  AggregationConfig aggregation;
  FedOptConfig fedopt;
  RoundConfig round;
  WireConfig wire;
  ServerConfig server;
  EvaluationConfig evaluation;
  CheckpointsConfig checkpoints;
  LaunchConfig launch;
  // Whether the coordinator, and whether clients evaluate.
  bool EvaluatesOnServer() const { return evaluation.where != EvaluationPlace::kClients; }
  bool EvaluatesOnClients() const { return evaluation.where != EvaluationPlace::kServer; }
  std::vector<std::any> method_settings;  // of methods' own sections: see MethodSettings()
};

// The settings of a method's own section, by their type; its defaults if nothing was set.
template <typename Settings>
const Settings& MethodSettings(const RunConfig& config) {
  for (const std::any& settings : config.method_settings) {
    if (const auto* found = std::any_cast<Settings>(&settings)) return *found;
  }
  static const Settings kDefaults;
  return kDefaults;
}

// The same to write to.
template <typename Settings>
Settings& MethodSettings(RunConfig& config) {
  for (std::any& settings : config.method_settings) {
    if (auto* found = std::any_cast<Settings>(&settings)) return *found;
  }
  return config.method_settings.emplace_back().template emplace<Settings>();
}

// "paper", "attn", ...: the words of run files, logs and results.
absl::string_view MethodName(const RunConfig& config);
absl::string_view ShareName(Share share);
absl::string_view ScopeName(Scope scope);
absl::string_view RuleName(Rule rule);

// Reads and validates a run file. `methods`: the words that `method` may be, and their sections; it
// outlives the config. `overrides` are "key.path=value" as given to --set; a value is parsed as
// TOML, and as a string where that fails (method=fedavg). Relative paths in the file are kept as
// they are: they are relative to the working directory. InvalidArgument: with the path if it cannot
// be read, with "file:line: key ..." for anything wrong in it.
absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path, const MethodTable& methods,
                                        const std::vector<std::string>& overrides = {});

// The same from text; `origin` stands for the file's name in messages.
absl::StatusOr<RunConfig> ParseRunConfig(absl::string_view toml, const std::string& origin,
                                         const MethodTable& methods,
                                         const std::vector<std::string>& overrides = {});

}  // namespace tributary
