#include "common/model/model_spec.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr int64_t kMlpRatio = 4;    // hidden width over dim, as in ViT and BERT
constexpr int64_t kTokenTypes = 2;  // BERT's table has two rows; only row 0 is used
constexpr absl::string_view kControlPrefix = "control.", kPublicPrefix = "public.";
constexpr absl::string_view kAuxiliarySuffix = ".aux_weight", kGateSuffix = ".cross_modal_scale";

bool Carries(ComplementaryLayers layers, bool attn) {
  switch (layers) {
    case ComplementaryLayers::kNone:
      return false;
    case ComplementaryLayers::kAttn:
      return attn;
    case ComplementaryLayers::kMlp:
      return !attn;
    case ComplementaryLayers::kAll:
      return true;
  }
  return false;
}

// Collects a model's parameters in the release's state order, on which digests, chunks and files
// depend: a tensor that moves makes all older state folders and clients unusable.
class Lister {
 public:
  Lister(const ModelSpec& spec, Modality modality, TensorScope scope)
      : spec_(spec), uni_modal_(modality != Modality::kPair), scope_(scope) {}

  void ImageEmbedding() {
    const int64_t side = spec_.image_size / spec_.patch;
    Add("embeddings.0.pos_embed", {1, 1 + side * side, spec_.dim});
    Add("embeddings.0.cls_token", {1, 1, spec_.dim});
    Add("embeddings.0.embed.proj.weight", {spec_.dim, spec_.channels, spec_.patch, spec_.patch});
    Add("embeddings.0.embed.proj.bias", {spec_.dim});
  }

  void TextEmbedding() {
    const std::string prefix = "embeddings.1.text_embeddings.";
    Add(prefix + "word_embeddings.weight", {spec_.vocabulary_size, spec_.dim});
    Add(prefix + "position_embeddings.weight", {spec_.max_tokens, spec_.dim});
    Add(prefix + "token_type_embeddings.weight", {kTokenTypes, spec_.dim});
    Norm(prefix + "LayerNorm");
  }

  void Blocks(int modality_index) {
    const int64_t dim = spec_.dim;
    for (int64_t layer = 0; layer < spec_.depth; ++layer) {
      const std::string prefix = absl::StrCat("blockses.", modality_index, ".", layer, ".");
      Norm(prefix + "norm1");
      Linear(prefix + "attn.qkv", 3 * dim, dim, true);
      Linear(prefix + "attn.proj", dim, dim, true);
      Norm(prefix + "norm2");
      Linear(prefix + "mlp.fc1", kMlpRatio * dim, dim, false);
      Linear(prefix + "mlp.fc2", dim, kMlpRatio * dim, false);
    }
  }

  void Norm(const std::string& name) {
    Add(name + ".weight", {spec_.dim});
    Add(name + ".bias", {spec_.dim});
  }

  void Head(int modality_index) {
    const std::string prefix = absl::StrCat("heads.", modality_index, ".head.");
    Add(prefix + "weight", {spec_.classes, spec_.dim});
    Add(prefix + "bias", {spec_.classes});
  }

  // Of all plain parameters that are listed already.
  void ControlVariates() {
    const std::vector<TensorSpec> listed = manifest_.tensors;
    for (const TensorSpec& tensor : listed) {
      if (IsPlain(tensor.name)) Add(ControlOf(tensor.name), tensor.shape);
    }
  }

  void Representations() {
    const Shape shape = {spec_.public_samples, spec_.dim};
    if (scope_ == TensorScope::kDownload) {
      Add(std::string(kPublicImages), shape);
      Add(std::string(kPublicTexts), shape);
    }
    if (scope_ == TensorScope::kUpload && uni_modal_) Add(std::string(kPublicFeatures), shape);
  }

  Manifest Take() && { return std::move(manifest_); }

 private:
  void Add(std::string name, Shape shape) {
    manifest_.tensors.push_back({std::move(name), std::move(shape)});
  }

  void Linear(const std::string& name, int64_t out, int64_t in, bool attn) {
    Add(name + ".weight", {out, in});
    Add(name + ".bias", {out});
    // Pair models hold both modalities' blocks, so that there is no other modality to borrow from.
    if (!uni_modal_ || !Carries(spec_.complementary, attn)) return;
    if (scope_ == TensorScope::kTraining) Add(absl::StrCat(name, kGateSuffix), {1});
    if (scope_ == TensorScope::kTraining || scope_ == TensorScope::kDownload) {
      Add(absl::StrCat(name, kAuxiliarySuffix), {out, in});
    }
  }

  const ModelSpec& spec_;
  bool uni_modal_;
  TensorScope scope_;
  Manifest manifest_;
};

absl::Status Check(const ModelSpec& spec, Modality modality) {
  const bool image = modality != Modality::kText;
  const bool text = modality != Modality::kImage;
  const auto positive = [](absl::string_view name, int64_t value) {
    return value > 0 ? absl::OkStatus()
                     : absl::InvalidArgumentError(
                           absl::StrCat("model: ", name, " is ", value, ", expected at least 1"));
  };
  std::vector<std::pair<absl::string_view, int64_t>> needed = {
      {"dim", spec.dim}, {"depth", spec.depth}, {"heads", spec.heads}};
  if (image)
    needed.insert(
        needed.end(),
        {{"patch", spec.patch}, {"image_size", spec.image_size}, {"channels", spec.channels}});
  if (text)
    needed.insert(needed.end(),
                  {{"max_tokens", spec.max_tokens}, {"vocabulary_size", spec.vocabulary_size}});
  // Pairs are compared with each other and have no classes.
  if (modality != Modality::kPair) needed.emplace_back("classes", spec.classes);
  for (const auto& [name, value] : needed) {
    if (absl::Status status = positive(name, value); !status.ok()) return status;
  }
  if (spec.dim % spec.heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model: dim ", spec.dim, " is not divisible by heads ", spec.heads));
  }
  if (image && spec.image_size % spec.patch != 0) {
    return absl::InvalidArgumentError(absl::StrCat("model: image_size ", spec.image_size,
                                                   " is not divisible by patch ", spec.patch));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view ModalityName(Modality modality) {
  switch (modality) {
    case Modality::kImage:
      return "image";
    case Modality::kText:
      return "text";
    case Modality::kPair:
      return "pair";
  }
  return "unknown";
}

absl::StatusOr<Modality> ParseModality(absl::string_view name) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    if (name == ModalityName(modality)) return modality;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("modality \"", name, "\" is unknown; expected image, text or pair"));
}

absl::string_view ComplementaryLayersName(ComplementaryLayers layers) {
  switch (layers) {
    case ComplementaryLayers::kNone:
      return "none";
    case ComplementaryLayers::kAttn:
      return "attn";
    case ComplementaryLayers::kMlp:
      return "mlp";
    case ComplementaryLayers::kAll:
      return "all";
  }
  return "unknown";
}

absl::StatusOr<ComplementaryLayers> ParseComplementaryLayers(absl::string_view name) {
  for (const auto layers : {ComplementaryLayers::kNone, ComplementaryLayers::kAttn,
                            ComplementaryLayers::kMlp, ComplementaryLayers::kAll}) {
    if (name == ComplementaryLayersName(layers)) return layers;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "complementary layers \"", name, "\" are unknown; expected none, attn, mlp or all"));
}

std::string ControlOf(absl::string_view parameter) {
  return absl::StrCat(kControlPrefix, parameter);
}

bool IsControl(absl::string_view name) { return absl::StartsWith(name, kControlPrefix); }

bool IsPlain(absl::string_view name) {
  return !IsControl(name) && !absl::StartsWith(name, kPublicPrefix) &&
         !absl::EndsWith(name, kAuxiliarySuffix) && !absl::EndsWith(name, kGateSuffix);
}

absl::StatusOr<Manifest> ModelManifest(const ModelSpec& spec, Modality modality,
                                       TensorScope scope) {
  if (absl::Status status = Check(spec, modality); !status.ok()) return status;
  const bool image = modality != Modality::kText;
  const bool text = modality != Modality::kImage;
  Lister lister(spec, modality, scope);
  if (image) lister.ImageEmbedding();
  if (text) lister.TextEmbedding();
  if (image) lister.Blocks(0);
  if (text) lister.Blocks(1);
  lister.Norm("norm");
  if (modality != Modality::kPair) lister.Head(image ? 0 : 1);
  const bool transfer = scope == TensorScope::kDownload || scope == TensorScope::kUpload;
  if (spec.control_variates && transfer) lister.ControlVariates();
  if (spec.public_samples > 0) lister.Representations();
  return std::move(lister).Take();
}

}  // namespace tributary
