// Prints what a dataset's reader finds, as lines of JSON, for tests that compare it with what their
// own writers wrote:
//
//   list_samples DATASET ROOT [--variant V] [--column ROLE=NAME]... [--train-ids F] [--test-ids F]
//                [--test-share X] [--seed N]
//
// First the set: {"modality", "classes", "train", "test" (counts), "channels", "mean", "deviation",
// "raw": {"height", "width", "channels", "planar"} or null, "skipped": [{"file", "line",
// "reason"}], "sources": [{"path", "bytes", "sha256"}]}.
// Then each sample, training first: {"part", "label", "class", "text", "owner", "image" (its number
// or null), "file" (of the image), "hash" (SHA-256 of the raw pixels or of the image's file),
// "origin", "line"}.
//
// Exit codes: 0 done, 1 the reader's error (its message on stderr), 2 wrong use.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {
namespace {

using Json = nlohmann::json;

void Print(const Json& json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

Json HeaderOf(const SampleSet& set) {
  Json header = {{"modality", std::string(ModalityName(set.modality))},
                 {"classes", set.classes},
                 {"train", set.train.size()},
                 {"test", set.test.size()},
                 {"images", set.images.size()},
                 {"channels", set.channels},
                 {"mean", set.mean},
                 {"deviation", set.deviation},
                 {"raw", nullptr},
                 {"skipped", Json::array()},
                 {"sources", Json::array()}};
  if (set.raw.height > 0) {
    header["raw"] = {{"height", set.raw.height},
                     {"width", set.raw.width},
                     {"channels", set.raw.channels},
                     {"planar", set.raw.planar}};
  }
  for (const SkippedSample& one : set.skipped) {
    header["skipped"].push_back({{"file", one.file}, {"line", one.line}, {"reason", one.reason}});
  }
  for (const SourceFile& one : set.sources) {
    header["sources"].push_back({{"path", one.path}, {"bytes", one.bytes}, {"sha256", one.sha256}});
  }
  return header;
}

absl::StatusOr<std::string> HashOf(const SampleSet& set, const ImageSource& source) {
  const FileTree& tree = *set.trees[source.tree];
  absl::StatusOr<std::string> bytes;
  if (set.raw.height > 0) {
    const int64_t size = set.raw.height * set.raw.width * set.raw.channels;
    bytes = tree.Read(source.file, source.offset, static_cast<uint64_t>(size));
  } else {
    bytes = tree.Read(source.file);
  }
  RETURN_IF_ERROR(bytes.status());
  return Sha256Hex(*bytes);
}

absl::Status PrintSamples(const SampleSet& set, const char* part,
                          const std::vector<Sample>& samples,
                          std::map<int64_t, std::string>* hashes) {
  for (const Sample& sample : samples) {
    Json json = {{"part", part},        {"label", sample.label}, {"class", nullptr},
                 {"text", sample.text}, {"owner", sample.owner}, {"image", nullptr},
                 {"file", nullptr},     {"hash", nullptr},       {"origin", nullptr},
                 {"line", sample.line}};
    if (!set.classes.empty()) json["class"] = set.classes.at(static_cast<size_t>(sample.label));
    if (sample.origin >= 0) json["origin"] = set.origins.at(static_cast<size_t>(sample.origin));
    if (sample.image >= 0) {
      const ImageSource& source = set.images.at(static_cast<size_t>(sample.image));
      if (!hashes->contains(sample.image)) {
        ASSIGN_OR_RETURN((*hashes)[sample.image], HashOf(set, source));
      }
      json["image"] = sample.image;
      json["file"] = set.trees.at(source.tree)->Describe(source.file);
      json["hash"] = hashes->at(sample.image);
    }
    Print(json);
  }
  return absl::OkStatus();
}

absl::Status ListSamples(const std::string& dataset, const DatasetSource& source) {
  ASSIGN_OR_RETURN(const DatasetReader* reader, FindDatasetReader(dataset));
  RETURN_IF_ERROR(CheckSource(*reader, source));
  ASSIGN_OR_RETURN(const SampleSet set, reader->read(source));
  Print(HeaderOf(set));
  std::map<int64_t, std::string> hashes;  // captions may share an image
  RETURN_IF_ERROR(PrintSamples(set, "train", set.train, &hashes));
  return PrintSamples(set, "test", set.test, &hashes);
}

int Main(int argc, char** argv) {
  CLI::App app("Prints what a dataset's reader finds, as lines of JSON");
  std::string dataset;
  DatasetSource source;
  std::vector<std::string> columns;
  app.add_option("dataset", dataset)->required();
  app.add_option("root", source.root)->required();
  app.add_option("--variant", source.variant);
  app.add_option("--column", columns)->take_all();
  app.add_option("--train-ids", source.train_ids);
  app.add_option("--test-ids", source.test_ids);
  app.add_option("--test-share", source.test_share);
  app.add_option("--seed", source.seed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const std::string& column : columns) {
    source.columns.insert(absl::StrSplit(column, absl::MaxSplits('=', 1)));
  }
  source.scratch = (std::filesystem::temp_directory_path() / "list_samples.XXXXXX").string();
  if (mkdtemp(source.scratch.data()) == nullptr) return 1;
  const absl::Status status = ListSamples(dataset, source);
  std::error_code ignored;
  std::filesystem::remove_all(source.scratch, ignored);
  if (status.ok()) return 0;
  std::cerr << status.ToString() << "\n";
  return 1;
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) { return tributary::Main(argc, argv); }
