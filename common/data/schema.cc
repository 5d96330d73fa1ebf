#include "common/data/schema.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr int kVersion = 1;
constexpr char kVersionKey[] = "tributary_schema";
constexpr size_t kMostNamed = 12;       // classes of a list in a message
constexpr int64_t kLongestSide = 4096;  // of training images

// "[normal, pneumonia]"; of a long list what stands around place `at`.
std::string ListOf(absl::Span<const std::string> classes, size_t at) {
  const size_t begin =
      classes.size() <= kMostNamed || at < kMostNamed / 2 ? 0 : at - kMostNamed / 2;
  const size_t end = std::min(classes.size(), begin + kMostNamed);
  std::string list = begin > 0 ? "[..." : "[";
  for (size_t i = begin; i < end; ++i) {
    absl::StrAppend(&list, i > 0 ? ", " : "", classes[i]);
  }
  return absl::StrCat(list, end < classes.size() ? ", ...] (" : "] (", classes.size(), ")");
}

absl::Status Wrong(absl::string_view key, absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(key, " is ", found, "; expected ", expected));
}

absl::Status CheckClasses(const Schema& schema) {
  if (schema.modality == Modality::kPair) {
    return schema.classes.empty() ? absl::OkStatus()
                                  : Wrong("classes", ListOf(schema.classes, 0), "none for pairs");
  }
  if (schema.classes.empty()) return Wrong("classes", "empty", "the names, in the order of labels");
  std::set<std::string> seen;
  for (const std::string& name : schema.classes) {
    if (name.empty()) return Wrong("classes", "with an empty name", "a name for each class");
    if (!seen.insert(name).second) {
      return Wrong("classes", absl::StrCat("with \"", name, "\" twice"), "each name once");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckImage(const Schema& schema) {
  if (schema.modality == Modality::kText) return absl::OkStatus();
  if (schema.image_size < 1 || schema.image_size > kLongestSide) {
    return Wrong("image.size", absl::StrCat(schema.image_size),
                 absl::StrCat("1 to ", kLongestSide, " pixels"));
  }
  if (schema.channels != 1 && schema.channels != 3) {
    return Wrong("image.channels", absl::StrCat(schema.channels), "1 or 3");
  }
  const auto channels = static_cast<size_t>(schema.channels);
  if (schema.mean.size() != channels || schema.deviation.size() != channels) {
    return Wrong("image.mean or image.deviation",
                 absl::StrCat(schema.mean.size(), " and ", schema.deviation.size(), " numbers"),
                 "one for each channel");
  }
  if (std::any_of(schema.deviation.begin(), schema.deviation.end(),
                  [](float value) { return !(value > 0); })) {
    return Wrong("image.deviation", "not above 0", "a positive number for each channel");
  }
  return absl::OkStatus();
}

// Throws nlohmann::json::exception where a key is missing or of another type.
absl::StatusOr<Schema> FromJson(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains(kVersionKey)) {
    return absl::InvalidArgumentError(absl::StrCat("no schema: it has no key \"", kVersionKey,
                                                   "\"; `tributary schema` makes one"));
  }
  if (json.at(kVersionKey) != kVersion) {
    return Wrong(kVersionKey, json.at(kVersionKey).dump(), absl::StrCat(kVersion));
  }
  Schema schema;
  schema.dataset = json.at("dataset").get<std::string>();
  ASSIGN_OR_RETURN(schema.modality, ParseModality(json.at("modality").get<std::string>()));
  schema.classes = json.value("classes", schema.classes);
  if (schema.modality != Modality::kText) {
    const nlohmann::json& image = json.at("image");
    schema.image_size = image.at("size").get<int64_t>();
    schema.channels = image.at("channels").get<int64_t>();
    schema.mean = image.at("mean").get<std::vector<float>>();
    schema.deviation = image.at("deviation").get<std::vector<float>>();
  }
  if (json.contains("text")) {
    schema.max_tokens = json.at("text").value("max_tokens", int64_t{0});
    schema.vocabulary = json.at("text").value("vocabulary", "");
  }
  RETURN_IF_ERROR(CheckSchema(schema));
  return schema;
}

}  // namespace

Schema SchemaOf(const ShardInfo& info) {
  Schema schema{.dataset = info.dataset, .modality = info.modality, .classes = info.classes};
  if (info.modality == Modality::kText) return schema;
  schema.image_size = info.image_size;
  schema.channels = info.channels;
  schema.mean = info.mean;
  schema.deviation = info.deviation;
  return schema;
}

absl::Status CheckSchema(const Schema& schema) {
  if (schema.dataset.empty()) return Wrong("dataset", "empty", "how run files call it");
  RETURN_IF_ERROR(CheckClasses(schema));
  return CheckImage(schema);
}

nlohmann::json SchemaToJson(const Schema& schema) {
  nlohmann::json json = {{kVersionKey, kVersion},
                         {"dataset", schema.dataset},
                         {"modality", std::string(ModalityName(schema.modality))}};
  if (schema.modality != Modality::kPair) json["classes"] = schema.classes;
  if (schema.modality != Modality::kText) {
    json["image"] = {{"size", schema.image_size},
                     {"channels", schema.channels},
                     {"mean", schema.mean},
                     {"deviation", schema.deviation}};
  }
  if (schema.max_tokens > 0) json["text"]["max_tokens"] = schema.max_tokens;
  if (!schema.vocabulary.empty()) json["text"]["vocabulary"] = schema.vocabulary;
  return json;
}

absl::StatusOr<Schema> ReadSchema(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  try {
    absl::StatusOr<Schema> schema = FromJson(nlohmann::json::parse(text));
    if (!schema.ok()) return Annotate(schema.status(), path);
    return schema;
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no schema as `tributary schema` makes it: ", error.what()));
  }
}

std::string SchemaDigest(const Schema& schema) {
  Schema counts = schema;
  counts.max_tokens = 0;
  counts.vocabulary.clear();
  return Sha256Hex(
      SchemaToJson(counts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

absl::Status CheckSameClasses(absl::Span<const std::string> our_classes, absl::string_view ours,
                              absl::Span<const std::string> their_classes,
                              absl::string_view theirs) {
  if (our_classes == their_classes) return absl::OkStatus();
  const auto differ = std::mismatch(our_classes.begin(), our_classes.end(), their_classes.begin(),
                                    their_classes.end());
  const auto at = static_cast<size_t>(differ.first - our_classes.begin());
  return absl::FailedPreconditionError(absl::StrCat(ours, " has the classes ",
                                                    ListOf(our_classes, at), ", ", theirs, " ",
                                                    ListOf(their_classes, at)));
}

}  // namespace tributary
