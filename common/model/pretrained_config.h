// What files say of a model beside its tensors: activation, heads and the norms' eps cannot be read
// off shapes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace tributary {

struct PretrainedConfig {
  std::string source;                     // the file that says so
  std::optional<std::string> activation;  // of the MLPs: "gelu", "quick_gelu", ...
  std::optional<int64_t> heads;
  bool rotary = false;  // positions are rotary, which some files have no tensor for
  std::optional<double> block_norm_eps, final_norm_eps, text_norm_eps;
};

// From `metadata`, as `tributary export` writes it, or else from config.json beside the file at
// `path`, in the forms of transformers and timm. All empty if there is neither. DataLoss names a
// config.json that is not a JSON object; keys of other types than expected are as if not there.
absl::StatusOr<PretrainedConfig> ReadPretrainedConfig(
    const std::string& path, const std::map<std::string, std::string>& metadata);

}  // namespace tributary
