#include "common/model/model_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// The model's name in timm; empty for what its ViTs do not have.
std::string TimmName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "embeddings.0.embed.")) return absl::StrCat("patch_embed.", name);
  if (absl::ConsumePrefix(&name, "embeddings.0.")) return std::string(name);
  if (absl::ConsumePrefix(&name, "blockses.0.")) return absl::StrCat("blocks.", name);
  if (absl::ConsumePrefix(&name, "heads.0.")) return std::string(name);
  return absl::StartsWith(name, "norm.") ? std::string(name) : "";
}

// Of transformers' ViT, from timm's. Files under these names load in all its versions.
std::string TransformersName(const std::string& timm) {
  if (absl::StartsWith(timm, "head.")) return absl::StrReplaceAll(timm, {{"head.", "classifier."}});
  return absl::StrReplaceAll(timm, {{"cls_token", "embeddings.cls_token"},
                                    {"pos_embed", "embeddings.position_embeddings"},
                                    {"patch_embed.proj", "embeddings.patch_embeddings.projection"},
                                    {"blocks.", "encoder.layer."},
                                    {"norm1.", "layernorm_before."},
                                    {"norm2.", "layernorm_after."},
                                    {"attn.proj.", "attention.output.dense."},
                                    {"mlp.fc1.", "intermediate.dense."},
                                    {"mlp.fc2.", "output.dense."},
                                    {"norm.", "layernorm."}});
}

// Adds the query, key and value of a stacked weight or bias.
absl::Status AddApart(const std::string& name, const Tensor& stacked, StateDict* state) {
  constexpr std::array<absl::string_view, 3> kParts = {"query", "key", "value"};
  for (size_t i = 0; i < kParts.size(); ++i) {
    Shape shape = stacked.shape;
    shape[0] /= 3;
    Tensor part = Tensor::Zeros(shape);
    const auto size = static_cast<int64_t>(part.values.size());
    std::copy_n(stacked.values.begin() + static_cast<int64_t>(i) * size, size, part.values.begin());
    const std::string attention = absl::StrCat("attention.attention.", kParts[i], ".");
    RETURN_IF_ERROR(
        state->Add(absl::StrReplaceAll(name, {{"attn.qkv.", attention}}), std::move(part)));
  }
  return absl::OkStatus();
}

absl::Status BadMetadata(absl::string_view key, const FileMetadata& metadata,
                         absl::string_view expected) {
  const auto found = metadata.find(std::string(key));
  return absl::InvalidArgumentError(absl::StrCat(
      "the model's metadata ",
      found == metadata.end() ? absl::StrCat("has no ", key)
                              : absl::StrCat("has ", key, " = \"", found->second, "\""),
      ", expected ", expected));
}

absl::Status ReadCount(const FileMetadata& metadata, const std::string& key, int64_t* value) {
  const auto found = metadata.find(key);
  if (found != metadata.end() && absl::SimpleAtoi(found->second, value) && *value >= 0) {
    return absl::OkStatus();
  }
  return BadMetadata(key, metadata, "a number from 0");
}

// A JSON list of `Value`; nothing is done for a key that is not there.
template <typename Value>
absl::Status ReadList(const FileMetadata& metadata, const std::string& key,
                      std::vector<Value>* list) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return absl::OkStatus();
  const nlohmann::json json = nlohmann::json::parse(found->second, nullptr, false);
  const bool good =
      json.is_array() && std::all_of(json.begin(), json.end(), [](const nlohmann::json& value) {
        return std::is_same_v<Value, float> ? value.is_number() : value.is_string();
      });
  if (!good) return BadMetadata(key, metadata, "a JSON list");
  *list = json.get<std::vector<Value>>();
  return absl::OkStatus();
}

}  // namespace

FileMetadata ModelMetadata(const ModelSpec& spec, Modality modality) {
  return {{"modality", std::string(ModalityName(modality))},
          {"dim", absl::StrCat(spec.dim)},
          {"depth", absl::StrCat(spec.depth)},
          {"heads", absl::StrCat(spec.heads)},
          {"patch", absl::StrCat(spec.patch)},
          {"image_size", absl::StrCat(spec.image_size)},
          {"channels", absl::StrCat(spec.channels)},
          {"max_tokens", absl::StrCat(spec.max_tokens)},
          {"vocabulary_size", absl::StrCat(spec.vocabulary_size)},
          {"classes", absl::StrCat(spec.classes)},
          {"block_norm_eps", absl::StrCat(kBlockNormEps)},
          {"final_norm_eps", absl::StrCat(kFinalNormEps)},
          {"text_norm_eps", absl::StrCat(kTextNormEps)}};
}

void AddDataMetadata(const DataMetadata& data, FileMetadata* metadata) {
  // Names may be in any encoding: what is not UTF-8 is replaced.
  const auto add = [metadata](const char* key, const nlohmann::json& list) {
    if (list.empty()) return;
    (*metadata)[key] = list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  add("class_names", data.class_names);
  add("mean", data.mean);
  add("deviation", data.deviation);
}

absl::StatusOr<ModelSpec> SpecOfMetadata(const FileMetadata& metadata) {
  ModelSpec spec;
  const std::initializer_list<std::pair<const char*, int64_t*>> counts = {
      {"dim", &spec.dim},
      {"depth", &spec.depth},
      {"heads", &spec.heads},
      {"patch", &spec.patch},
      {"image_size", &spec.image_size},
      {"channels", &spec.channels},
      {"max_tokens", &spec.max_tokens},
      {"vocabulary_size", &spec.vocabulary_size},
      {"classes", &spec.classes}};
  for (const auto& [key, value] : counts) RETURN_IF_ERROR(ReadCount(metadata, key, value));
  return spec;
}

absl::StatusOr<DataMetadata> DataOfMetadata(const FileMetadata& metadata) {
  DataMetadata data;
  RETURN_IF_ERROR(ReadList(metadata, "class_names", &data.class_names));
  RETURN_IF_ERROR(ReadList(metadata, "mean", &data.mean));
  RETURN_IF_ERROR(ReadList(metadata, "deviation", &data.deviation));
  return data;
}

absl::StatusOr<StateDict> InTimmNames(const StateDict& global) {
  if (global.Find("embeddings.0.cls_token") == nullptr) {
    return absl::FailedPreconditionError(
        "the model has no image parts; timm's names are those of image transformers");
  }
  StateDict renamed;
  for (const StateDict::Entry& entry : global) {
    // A pair model's text parts have no name in timm and are left out.
    const std::string name = TimmName(entry.name);
    if (!name.empty()) RETURN_IF_ERROR(renamed.Add(name, entry.tensor));
  }
  return renamed;
}

absl::StatusOr<StateDict> InTransformersNames(const StateDict& global) {
  ASSIGN_OR_RETURN(const StateDict timm, InTimmNames(global));
  const bool classifies = timm.Find("head.weight") != nullptr;
  StateDict renamed;
  for (const StateDict::Entry& entry : timm) {
    const bool head = absl::StartsWith(entry.name, "head.");
    const std::string name =
        absl::StrCat(classifies && !head ? "vit." : "", TransformersName(entry.name));
    if (absl::StrContains(name, "attn.qkv.")) {
      RETURN_IF_ERROR(AddApart(name, entry.tensor, &renamed));
    } else {
      RETURN_IF_ERROR(renamed.Add(name, entry.tensor));
    }
  }
  return renamed;
}

}  // namespace tributary
