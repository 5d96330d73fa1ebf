// Global models as files for others: the shape that a reader needs in the file's metadata, and the
// names of other projects.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// {modality, dim, depth, heads, patch, image_size, channels, max_tokens, vocabulary_size, classes,
// block_norm_eps, final_norm_eps, text_norm_eps}, all as text. Some of these cannot be read off the
// tensors' shapes (heads, the norms' eps); the others save a reader from working them out.
std::map<std::string, std::string> ModelMetadata(const ModelSpec& spec, Modality modality);

// The image parts of a global under timm's ViT names, for a VisionTransformer with
// norm_layer=LayerNorm(eps=block_norm_eps) and norm.eps=final_norm_eps. FailedPrecondition for a
// model without image parts.
absl::StatusOr<StateDict> InTimmNames(const StateDict& global);

}  // namespace tributary
