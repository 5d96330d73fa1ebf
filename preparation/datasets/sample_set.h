// SampleSet: what a dataset's reader finds, before it is partitioned and written as shards.
//
// A reader lists samples; it decodes no image. Texts are held here; images stay where they are
// (ImageSource) and are read when a shard is written, so that a set of any size fits into memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Where one image's bytes are.
struct ImageSource {
  uint32_t tree = 0;    // of SampleSet::trees
  uint32_t file = 0;    // of that tree's names()
  uint64_t offset = 0;  // in that file; of raw pixels only
};

// Pixels as they stand in a file without a format of its own (CIFAR's binaries, IDX, npy): uint8,
// rows from top to bottom.
struct RawPixels {
  int64_t height = 0, width = 0, channels = 0;
  bool planar = false;  // one plane for each channel; else channels interleaved
};

// One sample: an image, a text, or a caption with its image. Members that a modality does not have
// keep their defaults.
struct Sample {
  int64_t image = -1;  // of SampleSet::images; several captions may share one
  std::string text;    // caption or text
  int32_t label = 0;
  std::string owner;    // whose sample it is by nature (an icon's theme) or by column; may be empty
  int32_t origin = -1;  // of SampleSet::origins: the file that lists it; -1: none
  int64_t line = 0;     // in that file, from 1
};

// What was left out, and why.
struct SkippedSample {
  std::string file;
  int64_t line = 0;  // from 1; 0 where lines mean nothing
  std::string reason;
};

// A file that was read whole, for the manifest.
struct SourceFile {
  std::string path;
  uint64_t bytes = 0;
  std::string sha256;
};

struct SampleSet {
  Modality modality = Modality::kPair;
  std::vector<std::string> classes;  // names, by label; empty for pairs
  std::vector<std::shared_ptr<const FileTree>> trees;
  RawPixels raw;         // of all images; height 0: images are files of PNG, JPEG, SVG ...
  int64_t channels = 3;  // that images are brought to: 1 or 3
  std::vector<float> mean = {0.5F, 0.5F, 0.5F};  // of the normalisation, by channel
  std::vector<float> deviation = {0.5F, 0.5F, 0.5F};
  // An image of one colour everywhere is left out: an icon that draws nothing.
  bool skip_blank = false;
  std::vector<ImageSource> images;
  std::vector<Sample> train;
  std::vector<Sample> test;
  std::vector<std::string> origins;  // files that Sample::line counts in
  std::vector<SkippedSample> skipped;
  std::vector<SourceFile> sources;
  // What a person should know of how the set was read, in sentences: for the report.
  std::vector<std::string> notes;
};

// Where and how to read a dataset.
struct DatasetSource {
  std::string root{};     // folder or archive
  uint64_t seed = 1;      // of what a reader draws (a test split that the publisher does not ship)
  std::string scratch{};  // existing folder for unpacked archives
  // One of the reader's variants ("coarse", "2017", "organcmnist"); empty: its first.
  std::string variant{};
  // Files of ids, .npy int64 [n]; empty: all. Of the samples that the dataset's page names.
  std::string train_ids{}, test_ids{};
  // For your own files: role (path, text, label, owner, split) -> column. Missing: the role's name.
  std::map<std::string, std::string> columns{};
  // Of the text and of names of classes: a name that ICU knows; empty: UTF-8, and what is not is
  // left out and told.
  std::string encoding{};
  // Share of samples for the test where the source has no split of its own.
  double test_share = 0.1;
  // Classes that a schema names: test samples of these stay, though training may lack them. Of your
  // own files; other datasets name their classes themselves.
  std::vector<std::string> classes{};
};

// A dataset that `tributary prepare` knows.
struct DatasetReader {
  std::string name;                   // "cifar-100"
  std::vector<std::string> variants;  // the first is the default; empty: none
  std::string summary;                // one line, for --help
  std::string licence;                // one line, for the manifest
  int64_t image_size;                 // training resolution unless asked otherwise; 0: no images
  std::function<absl::StatusOr<SampleSet>(const DatasetSource&)> read;  // after CheckSource()
  bool takes_ids = false;       // DatasetSource::train_ids, test_ids
  bool takes_columns = false;   // DatasetSource::columns
  bool takes_encoding = false;  // DatasetSource::encoding
};

// All of them; preparation/datasets/ has a file for each.
const std::vector<DatasetReader>& DatasetReaders();

// The reader of that name; case, '-', '_' and ' ' do not matter ("CIFAR100", "ag_news").
// InvalidArgument lists the names.
absl::StatusOr<const DatasetReader*> FindDatasetReader(const std::string& name);

// InvalidArgument where `source` asks for what `reader` does not have and would pass over in
// silence: an unknown variant, ids, columns, an encoding.
absl::Status CheckSource(const DatasetReader& reader, const DatasetSource& source);

// Lists folders that `tree` could not look into as skipped, each once.
void NoteLeftOut(const FileTree& tree, SampleSet* set);

// Reads file number `file` of `tree` whole and notes it in `set->sources`.
absl::StatusOr<std::string> ReadSourceFile(const FileTree& tree, size_t file, SampleSet* set);

}  // namespace tributary
