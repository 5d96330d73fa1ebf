// Global models as files for others: the shape that a reader needs in the file's metadata, and the
// names of other projects.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// A safetensors file's: texts by key.
using FileMetadata = std::map<std::string, std::string>;

// The file of a state folder that holds the metadata of each dataset's model.
inline constexpr absl::string_view kModelCards = "models.json";

// {modality, dim, depth, heads, patch, image_size, channels, max_tokens, vocabulary_size, classes,
// block_norm_eps, final_norm_eps, text_norm_eps}, all as text. Some of these cannot be read off the
// tensors' shapes (heads, the norms' eps); the others save a reader from working them out.
FileMetadata ModelMetadata(const ModelSpec& spec, Modality modality);

// What a model's data are.
struct DataMetadata {
  std::vector<std::string> class_names;  // by label; empty for pairs
  std::vector<float> mean, deviation;    // of the images' normalisation, by channel; or empty
};

// Adds {class_names, mean, deviation} as JSON lists; what is empty is left out.
void AddDataMetadata(const DataMetadata& data, FileMetadata* metadata);

// Of a model's file; lists that are not there are empty. InvalidArgument names a key that is
// missing or not as the functions above write it, and says what it holds.
absl::StatusOr<ModelSpec> SpecOfMetadata(const FileMetadata& metadata);
absl::StatusOr<DataMetadata> DataOfMetadata(const FileMetadata& metadata);

// The image parts of a global under timm's ViT names. In timm they compute the same in a
// VisionTransformer with norm_layer=LayerNorm(eps=block_norm_eps) and norm.eps=final_norm_eps.
// FailedPrecondition for a model without image parts.
absl::StatusOr<StateDict> InTimmNames(const StateDict& global);

// The same under the names of transformers' ViTForImageClassification, or of its ViTModel where the
// global has no head. Query, key and value stand apart there.
absl::StatusOr<StateDict> InTransformersNames(const StateDict& global);

}  // namespace tributary
