// SampleSet: what a dataset's reader finds, before it is partitioned and written as shards.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"

namespace tributary {

// One sample. A reader leaves the fields that its modality lacks as they are.
struct Sample {
  std::string file;  // of the image; empty for texts
  std::string text;  // caption or text
  int32_t label = 0;
  std::string owner;  // whose sample it is by nature (an icon's theme); may be empty
};

struct SampleSet {
  Modality modality = Modality::kPair;
  std::vector<std::string> classes;  // names, by label; empty for pairs
  std::vector<Sample> train;
  std::vector<Sample> test;
  // What was left out, and why: "file: reason".
  std::vector<std::string> skipped;
};

// Where and how to read a dataset.
struct DatasetSource {
  std::string root;  // folder
  uint64_t seed = 1;
};

// A dataset that `tributary prepare` knows.
struct DatasetReader {
  std::string name;
  std::string summary;  // one line, for --help
  std::function<absl::StatusOr<SampleSet>(const DatasetSource&)> read;
};

// All of them; common/data/datasets/ has a file for each.
const std::vector<DatasetReader>& DatasetReaders();

}  // namespace tributary
