#include "common/model/initial_state.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

bool IsNorm(absl::string_view name) {
  return absl::StrContains(name, "norm") || absl::StrContains(name, "LayerNorm");
}

// Fills the weight or bias of a layer with inputs `fan_in`.
void FillUniform(int64_t fan_in, RandomStream* stream, Tensor* tensor) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  for (float& value : tensor->values) {
    value = static_cast<float>((2 * stream->Uniform() - 1) * bound);
  }
}

void FillNormal(RandomStream* stream, Tensor* tensor) {
  for (float& value : tensor->values) value = static_cast<float>(stream->Normal());
}

// The layer's inputs: all dimensions of its weight but the first.
int64_t FanIn(const TensorSpec& weight) {
  return ElementCount(absl::MakeConstSpan(weight.shape).subspan(1));
}

}  // namespace

absl::StatusOr<StateDict> InitialState(const ModelSpec& spec, Modality modality, uint64_t seed,
                                       const std::string& dataset) {
  ASSIGN_OR_RETURN(const Manifest manifest, ModelManifest(spec, modality, TensorScope::kPlain));
  StateDict state;
  int64_t fan_in = 1;  // of the last weight: the manifest lists each bias right behind its weight
  for (const TensorSpec& tensor_spec : manifest.tensors) {
    const std::string& name = tensor_spec.name;
    Tensor tensor = Tensor::Zeros(tensor_spec.shape);
    // A stream for each tensor, so that a parameter's values do not depend on which others a
    // modality has before it.
    RandomStream stream(seed, absl::StrCat("init.", name), 0, dataset);
    if (IsNorm(name)) {
      const float value = absl::EndsWith(name, ".weight") ? 1.0F : 0.0F;
      std::fill(tensor.values.begin(), tensor.values.end(), value);
    } else if (absl::EndsWith(name, "_embeddings.weight")) {
      FillNormal(&stream, &tensor);
      if (absl::EndsWith(name, "word_embeddings.weight")) {
        std::fill_n(tensor.values.begin(), spec.dim, 0.0F);  // row 0 is padding
      }
    } else if (absl::EndsWith(name, ".weight")) {
      fan_in = FanIn(tensor_spec);
      FillUniform(fan_in, &stream, &tensor);
    } else if (absl::EndsWith(name, ".bias")) {
      FillUniform(fan_in, &stream, &tensor);
    }
    // What no branch names, the class token and the image positions, stays 0.
    RETURN_IF_ERROR(state.Add(name, std::move(tensor)));
  }
  return state;
}

}  // namespace tributary
