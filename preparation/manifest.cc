#include "preparation/manifest.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/data/shard.h"

namespace tributary {
namespace {

constexpr int kFormatVersion = 3;  // a change makes old shards stale

void AddSamples(const std::vector<Sample>& samples, Sha256* hash) {
  for (const Sample& sample : samples) {
    const int64_t numbers[] = {sample.image, sample.label,
                               // so that text and owner cannot run into each other
                               static_cast<int64_t>(sample.text.size())};
    hash->Add(numbers, sizeof(numbers));
    hash->Add(sample.text);
    hash->Add(sample.owner);
    hash->Add("\n");
  }
}

void AddImages(const SampleSet& set, Sha256* hash) {
  for (const ImageSource& image : set.images) {
    const FileTree& tree = *set.trees[image.tree];
    // A file that cannot be asked is one that cannot be read either: it is listed then.
    const uint64_t size = set.raw.height > 0 ? 0 : tree.Size(image.file).value_or(0);
    hash->Add(tree.names()[image.file]);
    const uint64_t numbers[] = {image.offset, size};
    hash->Add(numbers, sizeof(numbers));
  }
}

}  // namespace

nlohmann::json RecipeOf(const PrepareOptions& options, const DatasetReader& reader) {
  nlohmann::json recipe = {
      {"format", kFormatVersion},
      {"dataset", reader.name},
      {"variant", options.source.variant},
      {"name", options.name},
      {"root", options.source.root},
      {"train_ids", options.source.train_ids},
      {"test_ids", options.source.test_ids},
      {"columns", options.source.columns},
      {"test_share", options.source.test_share},
      {"encoding", options.source.encoding},
      {"orientation", options.decoding.upright ? "apply" : "keep"},
      {"window", WindowInWords(options.decoding)},
      {"clients", options.clients},
      {"partition", options.partition},
      {"min_classes", options.min_classes},
      {"store", options.storage == ImageStorage::kPixels ? "pixels" : "original"},
      {"image_size", options.image_size},
      {"most_samples", options.most_samples},
      {"most_train", options.most_train},
      {"most_test", options.most_test},
      {"keep_leaks", options.keep_leaks},
      {"seed", options.seed}};
  if (options.client_test_share > 0) recipe["client_test_share"] = options.client_test_share;
  if (options.schema.has_value()) {
    recipe["schema"] = SchemaDigest(*options.schema);
    recipe["unknown_labels"] = options.unknown_labels == UnknownLabels::kSkip ? "skip" : "refuse";
  }
  return recipe;
}

std::string FingerprintOf(const nlohmann::json& recipe, const SampleSet& set) {
  Sha256 hash;
  hash.Add(recipe.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  // Images are told by name and size. To read them all, as files that list samples are, would take
  // as long as to prepare them.
  for (const SourceFile& source : set.sources) hash.Add(source.sha256);
  for (const std::string& name : set.classes) hash.Add(absl::StrCat(name, "\n"));
  AddSamples(set.train, &hash);
  AddSamples(set.test, &hash);
  AddImages(set, &hash);
  return std::move(hash).Hex();
}

nlohmann::json ReadManifest(const std::string& out) {
  const absl::StatusOr<std::string> text = ReadFile(out + "/manifest.json");
  if (!text.ok()) return nullptr;
  nlohmann::json manifest = nlohmann::json::parse(*text, nullptr, false);
  const bool is_manifest = manifest.is_object() && manifest.value("fingerprint", "") != "" &&
                           manifest.contains("report") && manifest.contains("files") &&
                           manifest["files"].is_object();
  return is_manifest ? manifest : nullptr;
}

bool FilesAreThere(const nlohmann::json& manifest, const std::string& out) {
  for (const auto& [file, digest] : manifest["files"].items()) {
    const auto shard = Shard::Open(absl::StrCat(out, "/", file));
    // The digest is in the index, which Open() reads; the columns behind it are not read again.
    if (!shard.ok() || (*shard)->digest() != digest) return false;
  }
  return true;
}

}  // namespace tributary
