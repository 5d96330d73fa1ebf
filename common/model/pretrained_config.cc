#include "common/model/pretrained_config.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// In names of timm's architectures with rotary positions.
constexpr absl::string_view kRotaryArchitectures[] = {"rope", "eva", "dinov3"};

std::optional<std::string> TextAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<double> NumberAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<int64_t> CountAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

// The object under a key, or `object` itself.
const nlohmann::json& Within(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : object;
}

void ReadJson(const nlohmann::json& json, PretrainedConfig* config) {
  // transformers keeps the two towers of CLIP apart.
  const nlohmann::json& model = Within(json, "vision_config");
  config->activation = TextAt(model, "hidden_act");
  config->heads = CountAt(model, "num_attention_heads");
  config->block_norm_eps = NumberAt(model, "layer_norm_eps");
  // timm names an architecture, with what differs from it.
  const nlohmann::json& timm = Within(json, "model_args");
  if (!config->activation) config->activation = TextAt(timm, "act_layer");
  if (!config->heads) config->heads = CountAt(timm, "num_heads");
  const std::string architecture = TextAt(json, "architecture").value_or("");
  if (!config->activation && absl::StrContains(architecture, "quickgelu")) {
    config->activation = "quick_gelu";
  }
  for (const absl::string_view part : kRotaryArchitectures) {
    config->rotary = config->rotary || absl::StrContains(architecture, part);
  }
  // Of timm's architectures, those after CLIP have the eps of torch.
  if (!config->block_norm_eps && absl::StrContains(architecture, "_clip_")) {
    config->block_norm_eps = 1e-5;
  }
  config->final_norm_eps = config->text_norm_eps = config->block_norm_eps;
}

// The number under a key of a file's metadata.
std::optional<double> NumberAt(const std::map<std::string, std::string>& metadata,
                               const char* key) {
  const auto found = metadata.find(key);
  double value = 0;
  if (found == metadata.end() || !absl::SimpleAtod(found->second, &value)) return std::nullopt;
  return value;
}

}  // namespace

absl::StatusOr<PretrainedConfig> ReadPretrainedConfig(
    const std::string& path, const std::map<std::string, std::string>& metadata) {
  PretrainedConfig config;
  config.source = path;
  config.block_norm_eps = NumberAt(metadata, "block_norm_eps");
  config.final_norm_eps = NumberAt(metadata, "final_norm_eps");
  config.text_norm_eps = NumberAt(metadata, "text_norm_eps");
  if (const auto heads = NumberAt(metadata, "heads"); heads.has_value()) {
    config.heads = static_cast<int64_t>(*heads);
  }
  if (config.block_norm_eps.has_value()) return config;
  const std::string beside = std::filesystem::path(path).parent_path() / "config.json";
  std::error_code error;
  if (!std::filesystem::exists(beside, error)) return config;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(beside));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::DataLossError(
        absl::StrCat(beside, ", which should say how the model of ", path,
                     " is built, is not a JSON object; mend it, or move the weights elsewhere"));
  }
  config.source = beside;
  ReadJson(json, &config);
  return config;
}

}  // namespace tributary
