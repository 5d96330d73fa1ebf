// Prepare: a dataset becomes shards, one for each client and one for the test.
//
//   OUT/client-00/train.shard ...   all that a client gets to see
//   OUT/test/test.shard             for the coordinator
//   OUT/manifest.json               the recipe, and what came out of it
//
// The same source, options and seed give the same bytes. Samples that cannot be read are skipped
// and listed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "common/data/sample_set.h"

namespace tributary {

struct PrepareOptions {
  std::string dataset;  // of DatasetReaders()
  std::string source;   // folder
  std::string out;      // folder
  int clients = 4;
  std::string partition = "iid";  // natural, iid, dirichlet:ALPHA
  int64_t image_size = 32;
  int64_t most_samples = 0;  // of each client; 0: all
  uint64_t seed = 1;
  int threads = 1;
};

// How far the drawing of images is. Called from several threads, one at a time.
using OnPrepared = std::function<void(int64_t done, int64_t total)>;

// The report: {dataset, modality, samples, test_samples, classes[], class_names, clients[]: {id,
// samples, class_counts, owners}, caption_words: {least, mean, most}, skipped, digest, fresh}.
// `fresh` is false if `out` held just this already and nothing was done. InvalidArgument for
// options that fit no dataset; NotFound for a missing source.
absl::StatusOr<nlohmann::json> Prepare(const PrepareOptions& options,
                                       const OnPrepared& on_prepared);

// The same for all datasets of the quickstart, into OUT/<dataset>; one report each.
std::vector<PrepareOptions> QuickstartOptions(const std::string& source, const std::string& out,
                                              int threads);

// The report as a table for a person: samples, classes, histogram by client, captions' lengths.
std::string PrepareTable(const nlohmann::json& report);

// The folder of client number `client`: "client-00".
std::string ClientFolder(int client);

}  // namespace tributary
