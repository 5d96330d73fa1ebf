#include "common/data/prepare/prepare.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/image.h"
#include "common/data/partition.h"
#include "common/data/prepare/prepare_report.h"
#include "common/data/shard.h"

namespace tributary {
namespace {

constexpr int kFormatVersion = 1;  // a change makes old shards stale
constexpr int64_t kChannels = 3;
constexpr char kDirichlet[] = "dirichlet:";

absl::StatusOr<Image> RenderFile(const SampleSet& set, const Sample& sample, int64_t size) {
  const ImageSource& source = set.images[static_cast<size_t>(sample.image)];
  const FileTree& tree = *set.trees[source.tree];
  ASSIGN_OR_RETURN(const std::string bytes, tree.Read(source.file));
  if (absl::EndsWith(tree.names()[source.file], ".svg")) return DrawSvg(bytes, size);
  ASSIGN_OR_RETURN(const Image image, DecodeImage(bytes));
  if (image.height == size && image.width == size) return image;
  return Resize(image, size, size);
}

std::string NameOf(const SampleSet& set, const Sample& sample) {
  const ImageSource& source = set.images[static_cast<size_t>(sample.image)];
  return set.trees[source.tree]->Describe(source.file);
}

bool IsBlank(const Image& image) {
  return std::all_of(image.pixels.begin(), image.pixels.end(),
                     [&](uint8_t value) { return value == image.pixels.front(); });
}

// Pixels of each sample, on all threads; samples that cannot be drawn are taken out and listed.
std::vector<std::vector<uint8_t>> Render(const PrepareOptions& options, const SampleSet& set,
                                         std::vector<Sample>* samples,
                                         std::vector<SkippedSample>* skipped,
                                         const std::function<void()>& on_one) {
  std::vector<absl::StatusOr<Image>> images(samples->size(), absl::UnknownError(""));
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  const auto work = [&] {
    for (size_t i = next++; i < samples->size(); i = next++) {
      images[i] = RenderFile(set, (*samples)[i], options.image_size);
      if (images[i].ok() && IsBlank(*images[i])) images[i] = absl::DataLossError("a blank image");
      const std::lock_guard<std::mutex> lock(mutex);
      on_one();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();

  std::vector<Sample> kept;
  std::vector<std::vector<uint8_t>> pixels;
  for (size_t i = 0; i < images.size(); ++i) {
    if (images[i].ok()) {
      kept.push_back(std::move((*samples)[i]));
      pixels.push_back(std::move(images[i]->pixels));
    } else {
      skipped->push_back(
          {NameOf(set, (*samples)[i]), 0, std::string(images[i].status().message())});
    }
  }
  *samples = std::move(kept);
  return pixels;
}

// A part of the data with its pixels (empty for texts), side by side.
struct RenderedPart {
  std::vector<Sample> samples;
  std::vector<std::vector<uint8_t>> pixels;
};

std::string PixelHash(const std::vector<uint8_t>& pixels) {
  return Sha256Hex(absl::string_view(reinterpret_cast<const char*>(pixels.data()), pixels.size()));
}

// Training images with the very pixels of a test image are dropped: the test would only ask for
// memory.
void DropTestPixels(const SampleSet& set, const RenderedPart& test, RenderedPart* train,
                    std::vector<SkippedSample>* skipped) {
  std::set<std::string> known;
  for (const std::vector<uint8_t>& pixels : test.pixels) known.insert(PixelHash(pixels));
  RenderedPart kept;
  for (size_t i = 0; i < train->samples.size(); ++i) {
    if (!train->pixels.empty() && known.contains(PixelHash(train->pixels[i]))) {
      skipped->push_back({NameOf(set, train->samples[i]), 0, "the pixels of a test image"});
      continue;
    }
    kept.samples.push_back(std::move(train->samples[i]));
    if (!train->pixels.empty()) kept.pixels.push_back(std::move(train->pixels[i]));
  }
  *train = std::move(kept);
}

// Owners dealt out, the largest first, each to the client that has least.
absl::StatusOr<Partition> PartitionByOwner(const std::vector<Sample>& samples, int clients) {
  std::map<std::string, std::vector<int64_t>> by_owner;
  for (size_t i = 0; i < samples.size(); ++i) {
    by_owner[samples[i].owner].push_back(static_cast<int64_t>(i));
  }
  if (by_owner.size() < static_cast<size_t>(clients)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "partition natural: ", by_owner.size(), " owners are too few for ", clients, " clients"));
  }
  std::vector<std::vector<int64_t>> groups;
  groups.reserve(by_owner.size());
  for (auto& [owner, group] : by_owner) groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  Partition hands(static_cast<size_t>(clients));
  for (const std::vector<int64_t>& group : groups) {
    auto& hand = *std::min_element(hands.begin(), hands.end(), [](const auto& a, const auto& b) {
      return a.size() < b.size();
    });
    hand.insert(hand.end(), group.begin(), group.end());
  }
  return hands;
}

absl::StatusOr<Partition> MakePartition(const PrepareOptions& options, const SampleSet& set,
                                        const std::vector<Sample>& samples) {
  StreamDraws draws(RandomStream(options.seed, "partition", 0, options.dataset));
  Partition partition;
  if (options.partition == "natural") {
    ASSIGN_OR_RETURN(partition, PartitionByOwner(samples, options.clients));
  } else if (options.partition == "iid") {
    partition = PartitionIid(static_cast<int64_t>(samples.size()), options.clients, &draws);
  } else {
    double alpha;
    if (!absl::StartsWith(options.partition, kDirichlet) ||
        !absl::SimpleAtod(options.partition.substr(sizeof(kDirichlet) - 1), &alpha) || alpha <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("partition \"", options.partition,
                                                     "\" is unknown; expected natural, iid or "
                                                     "dirichlet:ALPHA with ALPHA above 0"));
    }
    if (set.classes.empty()) {
      return absl::InvalidArgumentError("partition dirichlet needs classes; pairs have none");
    }
    std::vector<int32_t> labels;
    labels.reserve(samples.size());
    for (const Sample& sample : samples) labels.push_back(sample.label);
    ASSIGN_OR_RETURN(partition, PartitionDirichlet(labels, static_cast<int>(set.classes.size()),
                                                   options.clients, alpha, &draws));
  }
  for (std::vector<int64_t>& hand : partition) {
    if (options.most_samples > 0 && hand.size() > static_cast<size_t>(options.most_samples)) {
      draws.Shuffle(&hand);
      hand.resize(static_cast<size_t>(options.most_samples));
      std::sort(hand.begin(), hand.end());
    }
  }
  return partition;
}

absl::Status WriteShard(const PrepareOptions& options, const SampleSet& set,
                        const RenderedPart& part, const std::vector<int64_t>& rows,
                        const std::string& name, const std::string& path) {
  const bool images = set.modality != Modality::kText;
  const auto channels = static_cast<size_t>(images ? kChannels : 0);
  ShardWriter writer({.dataset = options.dataset,
                      .modality = set.modality,
                      .part = name,
                      .image_size = images ? options.image_size : 0,
                      .channels = static_cast<int64_t>(channels),
                      .classes = set.classes,
                      .mean = std::vector<float>(channels, 0.5F),
                      .deviation = std::vector<float>(channels, 0.5F)});
  for (const int64_t row : rows) {
    const auto i = static_cast<size_t>(row);
    const int64_t image = images ? writer.AddImage(part.pixels[i]) : 0;
    writer.AddRow(image, part.samples[i].label, part.samples[i].text);
  }
  RETURN_IF_ERROR(EnsureWritableFolder(std::filesystem::path(path).parent_path().string()));
  return writer.Write(path);
}

nlohmann::json Recipe(const PrepareOptions& options) {
  return {{"format", kFormatVersion},
          {"dataset", options.dataset},
          {"source", options.source},
          {"clients", options.clients},
          {"partition", options.partition},
          {"image_size", options.image_size},
          {"most_samples", options.most_samples},
          {"seed", options.seed}};
}

// What `out` holds already, if it was made by the same recipe and its files are whole at first
// sight.
nlohmann::json FindPrepared(const PrepareOptions& options) {
  const absl::StatusOr<std::string> text = ReadFile(options.out + "/manifest.json");
  if (!text.ok()) return nullptr;
  nlohmann::json manifest = nlohmann::json::parse(*text, nullptr, false);
  if (!manifest.is_object() || manifest.value("recipe", nlohmann::json()) != Recipe(options))
    return nullptr;
  for (const auto& [file, digest] : manifest["files"].items()) {
    const auto shard = Shard::Open(absl::StrCat(options.out, "/", file));
    if (!shard.ok() || (*shard)->digest() != digest) return nullptr;
  }
  nlohmann::json report = manifest["report"];
  report["fresh"] = false;
  return report;
}

absl::StatusOr<SampleSet> ReadSamples(const PrepareOptions& options) {
  std::vector<std::string> names;
  for (const DatasetReader& reader : DatasetReaders()) {
    if (reader.name == options.dataset) {
      return reader.read({.root = options.source, .seed = options.seed});
    }
    names.push_back(reader.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "dataset \"", options.dataset, "\" is unknown; known are ", absl::StrJoin(names, ", ")));
}

absl::Status WriteAll(const PrepareOptions& options, const SampleSet& set,
                      const RenderedPart& train, const RenderedPart& test,
                      const Partition& partition) {
  nlohmann::json files = nlohmann::json::object();
  const auto write = [&](const RenderedPart& part, const std::vector<int64_t>& rows,
                         const std::string& name, const std::string& file) -> absl::Status {
    const std::string path = absl::StrCat(options.out, "/", file);
    RETURN_IF_ERROR(WriteShard(options, set, part, rows, name, path));
    ASSIGN_OR_RETURN(const auto shard, Shard::Open(path));
    files[file] = shard->digest();
    return absl::OkStatus();
  };
  for (size_t client = 0; client < partition.size(); ++client) {
    RETURN_IF_ERROR(write(train, partition[client], "train",
                          absl::StrCat(ClientFolder(static_cast<int>(client)), "/train.shard")));
  }
  std::vector<int64_t> all(test.samples.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  RETURN_IF_ERROR(write(test, all, "test", "test/test.shard"));
  const nlohmann::json report =
      MakePrepareReport(options.dataset, set, train.samples, test.samples, partition, files);
  nlohmann::json skipped = nlohmann::json::array();
  for (const SkippedSample& one : set.skipped) {
    skipped.push_back({{"file", one.file}, {"line", one.line}, {"reason", one.reason}});
  }
  const nlohmann::json manifest = {
      {"recipe", Recipe(options)}, {"files", files}, {"report", report}, {"skipped", skipped}};
  return WriteFileAtomically(
      options.out + "/manifest.json",
      manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

std::string ClientFolder(int client) { return absl::StrFormat("client-%02d", client); }

absl::StatusOr<nlohmann::json> Prepare(const PrepareOptions& options,
                                       const OnPrepared& on_prepared) {
  if (options.clients < 1 || options.image_size < 1) {
    return absl::InvalidArgumentError("prepare: clients and image size must be at least 1");
  }
  if (nlohmann::json report = FindPrepared(options); report.is_object()) return report;
  ASSIGN_OR_RETURN(SampleSet set, ReadSamples(options));
  RETURN_IF_ERROR(EnsureWritableFolder(options.out));
  RenderedPart train{std::move(set.train), {}}, test{std::move(set.test), {}};
  if (set.modality != Modality::kText) {
    const auto total = static_cast<int64_t>(train.samples.size() + test.samples.size());
    int64_t done = 0;
    const auto on_one = [&] { on_prepared(++done, total); };
    test.pixels = Render(options, set, &test.samples, &set.skipped, on_one);
    train.pixels = Render(options, set, &train.samples, &set.skipped, on_one);
    DropTestPixels(set, test, &train, &set.skipped);
  }
  if (train.samples.empty() || test.samples.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dataset ", options.dataset, " from ", options.source, ": ", train.samples.size(),
        " training and ", test.samples.size(), " test samples; both need at least one"));
  }
  ASSIGN_OR_RETURN(const Partition partition, MakePartition(options, set, train.samples));
  RETURN_IF_ERROR(WriteAll(options, set, train, test, partition));
  nlohmann::json report = FindPrepared(options);
  if (!report.is_object()) {
    return absl::DataLossError(
        absl::StrCat(options.out, ": the shards just written cannot be read back"));
  }
  report["fresh"] = true;
  return report;
}

std::vector<PrepareOptions> QuickstartOptions(const std::string& source, const std::string& out,
                                              int threads) {
  const auto options = [&](const char* dataset, int clients, const char* partition, int64_t most) {
    PrepareOptions made;
    made.dataset = dataset;
    made.source = source;
    made.out = absl::StrCat(out, "/", dataset);
    made.clients = clients;
    made.partition = partition;
    made.most_samples = most;
    made.threads = threads;
    return made;
  };
  // Uni-modal shards no larger than those of the pairs: compensation weighs by samples.
  return {options("icon-names", 4, "natural", 0), options("icon-contexts", 2, "iid", 1000),
          options("wordnet-glosses", 2, "iid", 1000), options("icon-public", 1, "iid", 500)};
}

}  // namespace tributary
