// RunContext: what is fixed about a run from its start: settings, model shapes and manifests by
// dataset.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/run_config.h"
#include "common/data/schema.h"
#include "common/model/model_spec.h"
#include "common/tensor/manifest.h"

namespace tributary {

// One dataset: one global model, one group of clients.
struct DatasetContext {
  DatasetConfig config;
  ModelSpec spec;
  // What its owners agree on. Its classes are empty where only their number is known.
  Schema schema{};
  // What the global holds, a client pulls, and a client pushes: TensorScope says which tensors
  // beside the plain parameters.
  Manifest plain;
  Manifest download;
  Manifest upload;
};

// The public set that the run's method works on. Empty for methods that need none.
struct PublicSetCard {
  std::string digest;        // of its shard
  int64_t samples = 0;       // of it that count
  bool pair_clients = true;  // whether pair clients work on it too
};

struct RunContext {
  RunConfig config;
  std::string run_id;             // random, made once
  std::string vocabulary_digest;  // SHA-256 of the vocabulary file
  PublicSetCard public_set;
  std::map<std::string, std::string> init_digests;  // SHA-256 of pretrained files, by key
  std::map<std::string, DatasetContext> datasets;

  // Of all datasets together, as the run file expects.
  int ExpectedClients() const;
  // How often each client is to be heard: wire.heartbeat, or more seldom where very many are
  // expected, but three times within wire.liveness.
  absl::Duration Heartbeat() const;
  // Whether f32 values travel unpacked: packing them takes longer than a loopback saves.
  bool PlainF32() const;
};

// Builds the context. `classes`: by dataset, from its test shard; 0 for pairs. InvalidArgument if
// the run file's model cannot be built.
absl::StatusOr<RunContext> MakeRunContext(const RunConfig& config,
                                          const std::map<std::string, int64_t>& classes,
                                          int64_t vocabulary_size,
                                          const std::string& vocabulary_digest,
                                          const PublicSetCard& public_set = {});

// The settings that the run's mathematics depends on, as JSON: a state folder is continued only
// with the same. By section and key of the run file; of files that keys name, their contents'
// digests.
nlohmann::json Fingerprint(const RunContext& context);

// The fingerprint's settings at their defaults under the run's method: what runs went by that were
// started before a key was there.
nlohmann::json DefaultFingerprint(const RunContext& context);

// OK if both say the same, where `defaults` stand for the keys that `stored` lacks; else
// FailedPrecondition that names the keys that differ, with both values.
absl::Status CheckSameRun(const nlohmann::json& stored, const nlohmann::json& now,
                          const nlohmann::json& defaults = nlohmann::json::object());

}  // namespace tributary
