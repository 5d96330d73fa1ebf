// Prepare: a dataset as published becomes shards, one for each client and one for the test.
//
//   OUT/client-00/train.shard ...   all that a client gets to see, and, if asked for, its own
//   OUT/client-00/test.shard ...    test part
//   OUT/test/test.shard             for the coordinator
//   OUT/manifest.json               the recipe, the source's checksums, and what came out
//   OUT/skipped.jsonl               what was left out, and why
//   OUT/clients.svg                 each client's samples by class
//
// The same source, options and seed give the same bytes, whatever the threads and however often it
// was interrupted: an interrupted preparation goes on behind the last image on the disk. Memory:
// the list of samples with their texts, and a few images for each thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "common/data/schema.h"
#include "common/data/shard.h"
#include "preparation/apply_schema.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/shards/image_decoding.h"

namespace tributary {

struct PrepareOptions {
  std::string dataset{};   // of DatasetReaders()
  DatasetSource source{};  // seed and scratch are Prepare()'s
  std::string name{};      // that run files call it by; empty: the reader's name
  std::string out{};       // folder
  int clients = 4;
  std::string partition = "iid";   // see dealing.h
  int min_classes = 0;             // that each client must hold; of dirichlet
  std::optional<Schema> schema{};  // that the shards are made by; nothing: the dataset's own
  UnknownLabels unknown_labels = UnknownLabels::kRefuse;  // of labels that the schema lacks
  ImageStorage storage = ImageStorage::kPixels;
  int64_t image_size = 0;  // 0: the dataset's
  ImageDecoding decoding{};
  int64_t most_samples = 0;  // of each client; 0: all
  // Of each client's samples, for its own test part, OUT/client-NN/test.shard; 0: none.
  double client_test_share = 0;
  int64_t most_train = 0;   // the first of the list; 0: all
  int64_t most_test = 0;    // likewise
  bool keep_leaks = false;  // training samples that are also in the test stay
  bool strict = false;      // a sample that has to be left out is an error
  uint64_t seed = 1;
  int threads = 1;
  std::string command{};  // as typed, for the manifest
};

struct PrepareProgress {
  int64_t done = 0, total = 0;  // images
  int64_t resumed = 0;          // of `done`: there from an interrupted run
};
// Called on Prepare()'s thread.
using OnPrepared = std::function<void(const PrepareProgress&)>;

// The report, see report.h; with `fresh`: false if `out` held just this already and nothing was
// done. InvalidArgument for options that fit no dataset or not the schema, as more clients than
// samples; NotFound for a missing source; FailedPrecondition if a client or the test is left
// without samples; DataLoss under `strict` if anything has to be left out.
absl::StatusOr<nlohmann::json> Prepare(const PrepareOptions& options,
                                       const OnPrepared& on_prepared);

// The same for all datasets of the quickstart, into OUT/<dataset>; one report each.
std::vector<PrepareOptions> QuickstartOptions(const std::string& root, const std::string& out,
                                              int threads);

}  // namespace tributary
