#include "tool/export/model_folder.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

constexpr int kMlpRatio = 4;         // of ViT, and of this project's models
constexpr int kBilinear = 2;         // Pillow's number for it
constexpr double kMaxPixel = 255.0;  // pixels are scaled to [0, 1] first

// One value for each channel that the model takes: images of one channel are repeated.
std::vector<float> ForChannels(const std::vector<float>& values, int64_t channels, float without) {
  const auto count = static_cast<size_t>(channels);
  if (values.size() == count) return values;
  return std::vector<float>(count, values.size() == 1 ? values.front() : without);
}

struct Described {
  ModelSpec spec;
  DataMetadata data;
  bool classifies = false;
};

absl::StatusOr<Described> Describe(const RunModel& model) {
  Described described;
  ASSIGN_OR_RETURN(described.spec, SpecOfMetadata(model.metadata));
  ASSIGN_OR_RETURN(described.data, DataOfMetadata(model.metadata));
  described.classifies = model.global.Find("heads.0.head.weight") != nullptr;
  DataMetadata& data = described.data;
  // Without models.json: as most datasets are normalised (docs/algorithm.md section 2).
  data.mean = ForChannels(data.mean, described.spec.channels, 0.5F);
  data.deviation = ForChannels(data.deviation, described.spec.channels, 0.5F);
  if (described.classifies && data.class_names.empty()) {
    for (int64_t label = 0; label < described.spec.classes; ++label) {
      data.class_names.push_back(absl::StrCat("LABEL_", label));
    }
  }
  return described;
}

// An architecture of timm's whose norms have the eps of the blocks. It has a norm before the first
// block besides, which model_args switch off, with all else that differs.
nlohmann::json TimmConfig(const Described& described) {
  const ModelSpec& spec = described.spec;
  const int64_t classes = described.classifies ? spec.classes : 0;
  nlohmann::json config = {{"architecture", "vit_base_patch16_clip_224"},
                           {"num_classes", classes},
                           {"num_features", spec.dim},
                           {"global_pool", "token"},
                           {"model_args",
                            {{"img_size", spec.image_size},
                             {"patch_size", spec.patch},
                             {"in_chans", spec.channels},
                             {"num_classes", classes},
                             {"embed_dim", spec.dim},
                             {"depth", spec.depth},
                             {"num_heads", spec.heads},
                             {"mlp_ratio", kMlpRatio},
                             {"global_pool", "token"},
                             {"pre_norm", false}}},
                           {"pretrained_cfg",
                            {{"tag", "tributary"},
                             {"custom_load", false},
                             {"input_size", {spec.channels, spec.image_size, spec.image_size}},
                             {"fixed_input_size", true},
                             {"interpolation", "bilinear"},
                             {"crop_pct", 1.0},
                             {"crop_mode", "squash"},
                             {"mean", described.data.mean},
                             {"std", described.data.deviation},
                             {"num_classes", classes},
                             {"pool_size", nullptr},
                             {"first_conv", "patch_embed.proj"},
                             {"classifier", "head"}}}};
  if (!described.data.class_names.empty()) config["label_names"] = described.data.class_names;
  return config;
}

nlohmann::json TransformersConfig(const Described& described) {
  const ModelSpec& spec = described.spec;
  nlohmann::json config = {
      {"architectures", {described.classifies ? "ViTForImageClassification" : "ViTModel"}},
      {"model_type", "vit"},
      {"hidden_size", spec.dim},
      {"num_hidden_layers", spec.depth},
      {"num_attention_heads", spec.heads},
      {"intermediate_size", kMlpRatio * spec.dim},
      {"hidden_act", "gelu"},
      {"hidden_dropout_prob", 0.0},
      {"attention_probs_dropout_prob", 0.0},
      {"layer_norm_eps", kBlockNormEps},
      {"qkv_bias", true},
      {"image_size", spec.image_size},
      {"patch_size", spec.patch},
      {"num_channels", spec.channels}};
  if (!described.classifies) return config;
  for (size_t label = 0; label < described.data.class_names.size(); ++label) {
    const std::string& name = described.data.class_names[label];
    config["id2label"][std::to_string(label)] = name;
    config["label2id"][name] = label;
  }
  return config;
}

nlohmann::json PreprocessorConfig(const Described& described) {
  const int64_t side = described.spec.image_size;
  return {{"image_processor_type", "ViTImageProcessor"},
          {"do_resize", true},
          {"size", {{"height", side}, {"width", side}}},
          {"resample", kBilinear},
          {"do_rescale", true},
          {"rescale_factor", 1 / kMaxPixel},
          {"do_normalize", true},
          {"do_convert_rgb", described.spec.channels == 3},
          {"image_mean", described.data.mean},
          {"image_std", described.data.deviation}};
}

absl::Status WriteJson(const std::string& path, const nlohmann::json& json) {
  return WriteFileAtomically(
      path, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

absl::Status WriteTensors(const StateDict& state, FileMetadata metadata,
                          const std::string& folder) {
  metadata["format"] = "pt";  // transformers asks for it
  return WriteSafetensors(folder + "/model.safetensors", state, metadata);
}

}  // namespace

absl::StatusOr<StateDict> WriteTimmFolder(const RunModel& model, const std::string& folder) {
  ASSIGN_OR_RETURN(StateDict state, InTimmNames(model.global));
  ASSIGN_OR_RETURN(const Described described, Describe(model));
  RETURN_IF_ERROR(EnsureWritableFolder(folder));
  RETURN_IF_ERROR(WriteJson(folder + "/config.json", TimmConfig(described)));
  RETURN_IF_ERROR(WriteTensors(state, model.metadata, folder));
  return state;
}

absl::StatusOr<StateDict> WriteTransformersFolder(const RunModel& model,
                                                  const std::string& folder) {
  ASSIGN_OR_RETURN(StateDict state, InTransformersNames(model.global));
  ASSIGN_OR_RETURN(const Described described, Describe(model));
  RETURN_IF_ERROR(EnsureWritableFolder(folder));
  RETURN_IF_ERROR(WriteJson(folder + "/config.json", TransformersConfig(described)));
  RETURN_IF_ERROR(WriteJson(folder + "/preprocessor_config.json", PreprocessorConfig(described)));
  RETURN_IF_ERROR(WriteTensors(state, model.metadata, folder));
  return state;
}

}  // namespace tributary
