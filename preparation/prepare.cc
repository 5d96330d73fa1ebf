#include "preparation/prepare.h"

#include <filesystem>
#include <numeric>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/data/dataset_layout.h"
#include "preparation/class_plot.h"
#include "preparation/dealing/dealing.h"
#include "preparation/image_report.h"
#include "preparation/manifest.h"
#include "preparation/report.h"
#include "preparation/shards/shard_job.h"

namespace tributary {
namespace {

constexpr size_t kMostNamed = 5;  // of skipped samples, in an error

std::vector<int64_t> AllOf(const std::vector<Sample>& samples) {
  std::vector<int64_t> all(samples.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::string InWords(const SkippedSample& skipped) {
  if (skipped.line == 0) return absl::StrCat(skipped.file, ": ", skipped.reason);
  return absl::StrCat(skipped.file, ":", skipped.line, ": ", skipped.reason);
}

std::string SkippedLines(const SampleSet& set) {
  std::string lines;
  for (const SkippedSample& one : set.skipped) {
    const nlohmann::json json = {{"file", one.file}, {"line", one.line}, {"reason", one.reason}};
    absl::StrAppend(&lines, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                    "\n");
  }
  return lines;
}

// Of a text set: training texts that are test texts are left out.
void DropTestTexts(SampleSet* set) {
  absl::flat_hash_set<uint64_t> known;
  for (const Sample& sample : set->test) known.insert(Checksum(sample.text));
  std::vector<Sample> kept;
  for (Sample& sample : set->train) {
    if (known.contains(Checksum(sample.text))) {
      set->skipped.push_back(
          {sample.origin >= 0 ? set->origins[static_cast<size_t>(sample.origin)] : "", sample.line,
           "the text of a test sample"});
    } else {
      kept.push_back(std::move(sample));
    }
  }
  set->train = std::move(kept);
}

void KeepFirst(int64_t most, std::vector<Sample>* samples) {
  if (most > 0 && samples->size() > static_cast<size_t>(most)) {
    samples->resize(static_cast<size_t>(most));
  }
}

class Preparation {
 public:
  Preparation(const PrepareOptions& options, const DatasetReader& reader, Dealing dealing,
              const OnPrepared& on_prepared)
      : options_(options),
        reader_(reader),
        dealing_(std::move(dealing)),
        on_prepared_(on_prepared) {
    if (options_.name.empty()) options_.name = reader.name;
    if (options_.schema.has_value()) options_.source.classes = options_.schema->classes;
    if (options_.image_size == 0) options_.image_size = reader.image_size;
    scratch_ = options_.out + "/.scratch";
  }

  absl::StatusOr<nlohmann::json> Run() {
    RETURN_IF_ERROR(EnsureWritableFolder(options_.out));
    // The set's trees hold scratch files open: they are closed before their folder goes.
    const auto forget_scratch = absl::MakeCleanup([this] {
      set_ = SampleSet();
      std::error_code error;
      std::filesystem::remove_all(scratch_, error);
    });
    RETURN_IF_ERROR(List());
    fingerprint_ = FingerprintOf(RecipeOf(options_, reader_), set_);
    const nlohmann::json old = ReadManifest(options_.out);
    // Same recipe, same samples, and the shards are whole: nothing to do.
    if (old.is_object() && old["fingerprint"] == fingerprint_ && FilesAreThere(old, options_.out)) {
      nlohmann::json report = old["report"];
      report["fresh"] = false;
      return report;
    }
    // Dealt before any image is decoded: what is left out later leaves the others where they are.
    ASSIGN_OR_RETURN(partition_, Deal(dealing_, set_, reader_.name, options_.seed));
    RETURN_IF_ERROR(RefuseEmptyHands());
    RETURN_IF_ERROR(WriteShards());
    RETURN_IF_ERROR(RefuseEmpty());
    RETURN_IF_ERROR(RefuseEmptied());
    return Finish(old);
  }

 private:
  // Fills set_ with what the source holds.
  absl::Status List() {
    RETURN_IF_ERROR(EnsureWritableFolder(scratch_));
    DatasetSource source = options_.source;
    source.seed = options_.seed;
    source.scratch = scratch_;
    if (!dealing_.column.empty()) source.columns["owner"] = dealing_.column;
    ASSIGN_OR_RETURN(set_, reader_.read(source));
    for (const auto& tree : set_.trees) NoteLeftOut(*tree, &set_);
    if (options_.schema.has_value()) {
      RETURN_IF_ERROR(ApplySchema(*options_.schema, options_.unknown_labels, &set_));
    }
    KeepFirst(options_.most_train, &set_.train);
    KeepFirst(options_.most_test, &set_.test);
    if (set_.modality == Modality::kText && !options_.keep_leaks) DropTestTexts(&set_);
    RETURN_IF_ERROR(RefuseSkipped());
    return RefuseEmpty();
  }

  // Called twice: when the samples are listed, and again when images were left out.
  absl::Status RefuseEmpty() const {
    if (!set_.train.empty() && !set_.test.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("dataset ", reader_.name, " from ", options_.source.root, ": ",
                     set_.train.size(), " training and ", set_.test.size(), " test samples, ",
                     set_.skipped.size(), " left out", FirstSkipped(), "; both need at least one"));
  }

  // A client without samples can take part in no run. Before anything is written: the options are
  // wrong.
  absl::Status RefuseEmptyHands() const {
    for (size_t client = 0; client < partition_.size(); ++client) {
      if (!partition_[client].empty()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          ClientFolder(static_cast<int>(client)), " would hold no training sample: ",
          set_.train.size(), " are dealt to ", partition_.size(), " clients (--partition ",
          options_.partition, "); use fewer clients, or another partition"));
    }
    return absl::OkStatus();
  }

  // The same after images were left out.
  absl::Status RefuseEmptied() const {
    for (size_t client = 0; client < partition_.size(); ++client) {
      if (!partition_[client].empty()) continue;
      std::string first;
      if (!skipped_.empty()) first = absl::StrCat(" (", InWords(skipped_.front()), ")");
      return absl::FailedPreconditionError(
          absl::StrCat(ClientFolder(static_cast<int>(client)),
                       " is left without a training sample, as ", skipped_.size(),
                       " images cannot be used", first, "; use fewer clients, or mend the images"));
    }
    return absl::OkStatus();
  }

  std::string FirstSkipped() const {
    std::vector<std::string> first;
    for (const SkippedSample& skipped : set_.skipped) {
      if (first.size() < kMostNamed) first.push_back(InWords(skipped));
    }
    return first.empty() ? "" : absl::StrCat(" (", absl::StrJoin(first, "; "), ")");
  }

  absl::Status RefuseSkipped() const {
    if (!options_.strict || set_.skipped.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(WriteFileAtomically(options_.out + "/skipped.jsonl", SkippedLines(set_)));
    return absl::DataLossError(
        absl::StrCat(set_.skipped.size(), " samples would have to be left out (--strict)",
                     FirstSkipped(), "; all of them are in ", options_.out, "/skipped.jsonl"));
  }

  ShardInfo InfoFor(const std::string& part) const {
    const bool images = set_.modality != Modality::kText;
    ShardInfo info;
    info.dataset = options_.name;
    info.modality = set_.modality;
    info.part = part;
    info.classes = set_.classes;
    if (!images) return info;
    info.storage = options_.storage;
    info.image_size = options_.image_size;
    info.channels = set_.channels;
    info.mean = set_.mean;
    info.deviation = set_.deviation;
    return info;
  }

  // The test first: what it holds must not be in training.
  absl::Status WriteShards() {
    const std::vector<int64_t> all_test = AllOf(set_.test);
    progress_.total = static_cast<int64_t>(CountImages(set_.test, all_test));
    for (const auto& rows : partition_) {  // own test parts included
      progress_.total += static_cast<int64_t>(CountImages(set_.train, rows));
    }
    RETURN_IF_ERROR(Write("test", kTestShard, set_.test, all_test, nullptr, &test_rows_));
    absl::flat_hash_set<uint64_t> in_test;
    for (const ImageOutcome& image : images_) {
      if (image.skipped.empty() && !options_.keep_leaks) in_test.insert(image.content);
    }
    own_tests_.resize(partition_.size());
    for (size_t client = 0; client < partition_.size(); ++client) {
      RETURN_IF_ERROR(WriteClient(static_cast<int>(client), in_test));
    }
    return absl::OkStatus();
  }

  // What tests, the coordinator's or its own, must not be in a client's training.
  absl::Status WriteClient(int client, absl::flat_hash_set<uint64_t> in_test) {
    std::vector<int64_t>& hand = partition_[static_cast<size_t>(client)];
    if (options_.client_test_share > 0) {
      std::vector<int64_t>& test = own_tests_[static_cast<size_t>(client)];
      const std::vector<int64_t> drawn =
          TakeOwnTest(options_.client_test_share, set_, reader_.name, client, options_.seed, &hand);
      const size_t before = images_.size();
      RETURN_IF_ERROR(Write("test", OwnTestShardOf(client), set_.train, drawn, &in_test, &test));
      if (!options_.keep_leaks) {
        for (size_t i = before; i < images_.size(); ++i) {
          if (images_[i].skipped.empty()) in_test.insert(images_[i].content);
        }
        if (set_.modality == Modality::kText) LeaveTexts(test, &hand);
      }
    }
    std::vector<int64_t> kept;
    RETURN_IF_ERROR(Write("train", TrainShardOf(client), set_.train, hand, &in_test, &kept));
    hand = std::move(kept);
    return absl::OkStatus();
  }

  // Leaves out of `hand` the texts that `test` holds too.
  void LeaveTexts(const std::vector<int64_t>& test, std::vector<int64_t>* hand) {
    absl::flat_hash_set<uint64_t> known;
    const auto text = [this](int64_t row) {
      return Checksum(set_.train[static_cast<size_t>(row)].text);
    };
    for (const int64_t row : test) known.insert(text(row));
    std::vector<int64_t> kept;
    for (const int64_t row : *hand) {
      if (!known.contains(text(row))) {
        kept.push_back(row);
        continue;
      }
      const Sample& sample = set_.train[static_cast<size_t>(row)];
      set_.skipped.push_back(
          {sample.origin >= 0 ? set_.origins[static_cast<size_t>(sample.origin)] : "", sample.line,
           "the text of a sample of this client's own test part"});
    }
    *hand = std::move(kept);
  }

  absl::Status Write(const std::string& part, const std::string& file,
                     const std::vector<Sample>& samples, const std::vector<int64_t>& rows,
                     const absl::flat_hash_set<uint64_t>* forbidden, std::vector<int64_t>* kept) {
    const std::string path = absl::StrCat(options_.out, "/", file);
    RETURN_IF_ERROR(EnsureWritableFolder(std::filesystem::path(path).parent_path().string()));
    const ShardJob job{.set = set_,
                       .samples = samples,
                       .rows = rows,
                       .path = path,
                       .info = InfoFor(part),
                       .decoding = options_.decoding,
                       .fingerprint = fingerprint_,
                       .forbidden = forbidden,
                       .threads = options_.threads,
                       .strict = options_.strict};
    ASSIGN_OR_RETURN(ShardOutcome outcome, WriteShard(job, [this](bool resumed) {
                       ++progress_.done;
                       progress_.resumed += resumed ? 1 : 0;
                       on_prepared_(progress_);
                     }));
    files_[file] = outcome.digest;
    images_.insert(images_.end(), outcome.images.begin(), outcome.images.end());
    skipped_.insert(skipped_.end(), outcome.skipped.begin(), outcome.skipped.end());
    *kept = std::move(outcome.rows);
    return absl::OkStatus();
  }

  nlohmann::json Sources() const {
    nlohmann::json files = nlohmann::json::array();
    for (const SourceFile& file : set_.sources) {
      files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    }
    nlohmann::json sources = {{"files", files}};
    if (images_.empty()) return sources;
    // One checksum over those of all images, in the shards' order: 8 bytes for an image and not 64.
    std::vector<uint64_t> sums;
    uint64_t bytes = 0;
    for (const ImageOutcome& image : images_) {
      sums.push_back(image.source);
      bytes += image.source_bytes;
    }
    sources["images"] = {
        {"count", images_.size()},
        {"bytes", bytes},
        {"xxh3", absl::StrFormat("%016x", Checksum(sums.data(), sums.size() * sizeof(uint64_t)))}};
    return sources;
  }

  // How an image becomes what is stored, in words.
  std::string Transforms() const {
    if (set_.modality == Modality::kText) return "none";
    const std::string resized = absl::StrCat("resized to ", options_.image_size, " x ",
                                             options_.image_size, ", bilinear, antialiased");
    const std::string decoded = DecodingInWords(options_.decoding);
    if (options_.storage == ImageStorage::kPixels) return decoded + resized;
    return absl::StrCat("as published; ", decoded, "when read: ", resized);
  }

  absl::StatusOr<nlohmann::json> Finish(const nlohmann::json& old) {
    // The manifest promises whole shards, so the disk must have them before it has the manifest.
    for (const auto& [file, digest] : files_.items()) {
      RETURN_IF_ERROR(SyncFile(absl::StrCat(options_.out, "/", file)));
    }
    set_.skipped.insert(set_.skipped.end(), skipped_.begin(), skipped_.end());
    nlohmann::json report = MakePrepareReport(options_.name, set_, partition_, test_rows_, files_);
    if (options_.client_test_share > 0) {
      for (size_t client = 0; client < own_tests_.size(); ++client) {
        report["clients"][client]["test_samples"] = own_tests_[client].size();
      }
    }
    AddImageReport(images_, options_.decoding, &report);
    const nlohmann::json manifest = {{"fingerprint", fingerprint_},
                                     {"recipe", RecipeOf(options_, reader_)},
                                     {"command", options_.command},
                                     {"licence", reader_.licence},
                                     {"sources", Sources()},
                                     {"transforms", Transforms()},
                                     {"files", files_},
                                     {"report", report}};
    RETURN_IF_ERROR(WriteFileAtomically(options_.out + "/skipped.jsonl", SkippedLines(set_)));
    RETURN_IF_ERROR(WriteFileAtomically(options_.out + "/clients.svg", ClassPlot(report)));
    RETURN_IF_ERROR(WriteFileAtomically(
        options_.out + "/manifest.json",
        manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    // Only now: until the manifest is there, a journal is what an interrupted run goes on from.
    for (const auto& [file, digest] : files_.items()) {
      ForgetJournal(absl::StrCat(options_.out, "/", file));
    }
    if (old.is_object()) RemoveStale(old);
    report["fresh"] = true;
    return report;
  }

  // Shards of an earlier preparation that this one has not written over: of clients that are no
  // more.
  void RemoveStale(const nlohmann::json& old) const {
    for (const auto& [file, digest] : old["files"].items()) {
      const std::filesystem::path path = std::filesystem::path(options_.out) / file;
      std::error_code error;
      if (files_.contains(file) || !std::filesystem::remove(path, error)) continue;
      std::filesystem::remove(path.parent_path(), error);  // if nothing else is in it
    }
  }

  PrepareOptions options_;
  const DatasetReader& reader_;
  const Dealing dealing_;
  const OnPrepared& on_prepared_;
  std::string scratch_, fingerprint_;
  SampleSet set_;
  Partition partition_;
  std::vector<int64_t> test_rows_;
  Partition own_tests_;  // client -> samples of its own test part
  std::vector<ImageOutcome> images_;
  std::vector<SkippedSample> skipped_;  // images that could not be used
  nlohmann::json files_ = nlohmann::json::object();
  PrepareProgress progress_;
};

// Takes what the schema says over into options that say nothing; InvalidArgument where they say
// otherwise.
absl::Status TakeFromSchema(const Schema& schema, PrepareOptions* options) {
  if (!options->name.empty() && options->name != schema.dataset) {
    return absl::InvalidArgumentError(absl::StrCat("prepare: --name is ", options->name,
                                                   ", the schema is of dataset ", schema.dataset));
  }
  options->name = schema.dataset;
  if (schema.modality == Modality::kText) return absl::OkStatus();
  if (options->image_size != 0 && options->image_size != schema.image_size) {
    return absl::InvalidArgumentError(absl::StrCat("prepare: --image-size is ", options->image_size,
                                                   ", the schema's is ", schema.image_size));
  }
  options->image_size = schema.image_size;
  return absl::OkStatus();
}

absl::Status CheckOptions(const PrepareOptions& options) {
  if (options.clients < 1 || options.image_size < 0) {
    return absl::InvalidArgumentError("prepare: clients and image size must be at least 1");
  }
  if (options.source.test_share <= 0 || options.source.test_share >= 1) {
    return absl::InvalidArgumentError("prepare: the share of the test must lie between 0 and 1");
  }
  if (options.client_test_share < 0 || options.client_test_share >= 1) {
    return absl::InvalidArgumentError(
        "prepare: the share of clients' own test parts must be 0 or more and less than 1");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> Prepare(const PrepareOptions& given, const OnPrepared& on_prepared) {
  PrepareOptions options = given;
  RETURN_IF_ERROR(CheckOptions(options));
  if (options.schema.has_value()) RETURN_IF_ERROR(TakeFromSchema(*options.schema, &options));
  ASSIGN_OR_RETURN(const DatasetReader* reader, FindDatasetReader(options.dataset));
  ASSIGN_OR_RETURN(Dealing dealing, ParseDealing(options.partition));
  RETURN_IF_ERROR(CheckSource(*reader, options.source));
  if (!reader->takes_columns && !dealing.column.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("dataset ", reader->name,
                                                   " has no columns to deal by (--partition "
                                                   "column:NAME); csv and jsonl have"));
  }
  dealing.clients = options.clients;
  dealing.min_classes = options.min_classes;
  dealing.most_samples = options.most_samples;
  return Preparation(options, *reader, std::move(dealing), on_prepared).Run();
}

std::vector<PrepareOptions> QuickstartOptions(const std::string& root, const std::string& out,
                                              int threads) {
  const auto options = [&](const char* dataset, int clients, const char* partition, int64_t most) {
    PrepareOptions made;
    made.dataset = dataset;
    made.source.root = root;
    made.out = absl::StrCat(out, "/", dataset);
    made.clients = clients;
    made.partition = partition;
    made.most_samples = most;
    made.threads = threads;
    return made;
  };
  // icon-public: CreamFL takes 500 of it; 20 more, since copies of test images are left out later.
  // Uni-modal shards are capped at 1,000 samples, about those of a pair client: compensation weighs
  // clients by their samples, and WordNet alone has over 80,000 glosses.
  return {options("icon-names", 4, "natural", 0), options("icon-contexts", 2, "iid", 1000),
          options("wordnet-glosses", 2, "iid", 1000), options("icon-public", 1, "iid", 520)};
}

}  // namespace tributary
