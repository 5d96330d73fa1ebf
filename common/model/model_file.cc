#include "common/model/model_file.h"

#include "absl/strings/str_cat.h"
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

}  // namespace

std::map<std::string, std::string> ModelMetadata(const ModelSpec& spec, Modality modality) {
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

}  // namespace tributary
