// RunConfig: everything that a run file says, typed and validated.
//
// A run file is TOML. Unknown keys are refused with the nearest known key, values out of range with
// the range, both with file and line. `method` is a preset of the keys under [aggregation] and
// [local]; a key that the file gives wins over the preset. The coordinator reads the file; clients
// get what they need over the wire. Every key, its default and its meaning: docs/run-file.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/codec/codec.h"
#include "common/model/model_spec.h"

namespace tributary {

enum class Method { kFedAvg, kFedProx, kFedIoT, kCreamFl, kFedCola };
enum class Share { kNone, kAttn, kMlp, kBlocks };
enum class Scope { kDataset, kModality, kModalityExact, kAll };
enum class Rule { kPaper, kRelease };

// One dataset of the run: one global model, one group of clients.
struct DatasetConfig {
  std::string name;
  Modality modality = Modality::kPair;
  int clients = 0;   // expected to attend; `tributary run` starts them
  std::string path;  // folder made by `tributary prepare`: test/, client-00/, ...
};

// How the model is built; classes come from the dataset's test shard.
struct ModelConfig {
  int64_t dim = 0, depth = 0, heads = 0, patch = 0, image_size = 0, channels = 3, max_tokens = 0;
  double drop_path = 0.1;
  std::string vocabulary;  // path of a BERT vocabulary; empty: the one that ships with the project
};

// Pretrained weights that the globals start from: safetensors files; empty: none.
struct InitConfig {
  std::string image;  // names of timm's ViTs
  std::string text;   // names of BERT's family
};

// Local training; algorithm.md section 3.
struct LocalConfig {
  int epochs = 5;
  int batch = 112;
  double learning_rate = 1e-4;
  double learning_rate_decay = 0.99;  // per round
  int warmup_rounds = 0;              // learning rate rises linearly over these rounds
  double weight_decay = 0;
  double clip_norm = 0;  // 0: off
  ComplementaryLayers complementary = ComplementaryLayers::kNone;
  bool aux_trained = true;
  bool learn_scale = true;            // contrastive.learn_scale
  double proximal_mu = 0;             // fedprox.mu
  Rule proximal_rule = Rule::kPaper;  // fedprox.rule
  int crop_padding = 0;               // augmentation.*
  double rotation = 0;
  double horizontal_flip = 0;
  double vertical_flip = 0;
  double brightness = 0;
  double contrast = 0;
};

// CreamFL: its public set and what is done with it; algorithm.md section 4, "CreamFL".
struct CreamFlConfig {
  std::string public_set;  // key `public`: folder with the train.shard of a pair set
  int samples = 500;       // of the public set, its first
  int batch = 128;
  double temperature = 0.5;      // of the clients' contrastive terms
  double contrast_weight = 1;    // factor on them
  bool pair_contrast = false;    // pair clients train on the public set too
  double distill_weight = 1e-7;  // factor on the coordinator's loss
  double distill_learning_rate = 1e-4;
};

// What is merged with what; algorithm.md section 4.
struct AggregationConfig {
  Rule rule = Rule::kPaper;
  Share share = Share::kNone;
  Scope scope = Scope::kDataset;
  bool compensation = false;
  double pair_weight = 1;         // FedIoT: factor on n_k of pair clients
  double out_modality_scale = 1;  // rule release: factor on n_k of clients of another modality
  bool plain_pair_mean =
      false;  // CreamFL: pair targets are merged by rule paper whatever `rule` is
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

struct WireConfig {
  Codec upload = Codec::kInt8Block;
  Codec download = Codec::kF16;  // of a whole model: f32, f16 or bf16
  // Of the difference for a client that holds the model of the last round; nothing: none are sent.
  std::optional<Codec> download_delta = Codec::kInt8Block;
  Packing pack_f32 = Packing::kAuto;
  int64_t chunk_bytes = 1 << 20;
  absl::Duration heartbeat = absl::Seconds(5);
  absl::Duration liveness = absl::Seconds(30);  // silence after which a client counts as absent
  absl::Duration keepalive = absl::Seconds(20);
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
  int batch = 256;
  int threads = 0;  // 0: all cores
};

// How `tributary run` starts clients on this machine.
struct LaunchConfig {
  std::string device = "cpu";
  int threads = 1;  // of each client
};

struct RunConfig {
  std::string name;
  Method method = Method::kFedCola;
  uint64_t seed = 1;
  int rounds = 30;
  std::vector<DatasetConfig> datasets;
  ModelConfig model;
  InitConfig init;
  LocalConfig local;
  CreamFlConfig creamfl;
  AggregationConfig aggregation;
  RoundConfig round;
  WireConfig wire;
  ServerConfig server;
  EvaluationConfig evaluation;
  LaunchConfig launch;
};

// "fedcola", "paper", "attn", ...: the words of run files, logs and results.
absl::string_view MethodName(Method method);
absl::string_view ShareName(Share share);
absl::string_view ScopeName(Scope scope);
absl::string_view RuleName(Rule rule);

// Reads and validates a run file. `overrides` are "key.path=value" as given to --set; a value is
// parsed as TOML, and as a string where that fails (method=fedavg). Relative paths in the file are
// kept as they are: they are relative to the working directory. InvalidArgument: with the path if
// it cannot be read, with "file:line: key ..." for anything wrong in it.
absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path,
                                        const std::vector<std::string>& overrides = {});

// The same from text; `origin` stands for the file's name in messages.
absl::StatusOr<RunConfig> ParseRunConfig(absl::string_view toml, const std::string& origin,
                                         const std::vector<std::string>& overrides = {});

}  // namespace tributary
