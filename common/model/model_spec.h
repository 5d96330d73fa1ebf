// Shape of the models, and the names and shapes of their parameters. Needs no LibTorch.
// Source: docs/algorithm.md section 1; FedCola (arXiv 2404.12467) section 3 and its release's
// names.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tensor/manifest.h"

namespace tributary {

enum class Modality { kImage, kText, kPair };

// "image", "text", "pair".
absl::string_view ModalityName(Modality modality);
absl::StatusOr<Modality> ParseModality(absl::string_view name);

// Linear layers that carry auxiliary weights in complementary training (docs/algorithm.md section
// 3).
enum class ComplementaryLayers { kNone, kAttn, kMlp, kAll };

absl::string_view ComplementaryLayersName(ComplementaryLayers layers);
absl::StatusOr<ComplementaryLayers> ParseComplementaryLayers(absl::string_view name);

// One shape for all modalities of a run.
struct ModelSpec {
  int64_t dim = 0;
  int64_t depth = 0;
  int64_t heads = 0;
  int64_t patch = 0;
  int64_t image_size = 0;
  int64_t channels = 3;
  int64_t max_tokens = 0;
  int64_t vocabulary_size = 0;
  double drop_path = 0.1;  // of the last layer; rises linearly from 0
  int64_t classes = 0;     // of the dataset; 0 for pairs
  ComplementaryLayers complementary = ComplementaryLayers::kNone;  // ignored for pairs
  int64_t public_samples = 0;     // of the public set; 0: there is none
  bool control_variates = false;  // clients correct their gradients by control variates

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

// Which tensors of a model are listed.
enum class TensorScope {
  kPlain,     // what a global model is
  kTraining,  // kPlain and, in uni-modal models, `.aux_weight` and `.cross_modal_scale` of the
              // complementary layers: what a client's model holds
  kDownload,  // kPlain, `.aux_weight`, control variates, and the coordinator's representations of
              // the public set
  kUpload,    // kPlain, changes of control variates, and, from uni-modal clients, the client's
              // representations of the public set
};

// The control variate of a parameter: the coordinator's in a download, by how much the client's
// changed in an upload. Of the parameter's shape.
std::string ControlOf(absl::string_view parameter);
bool IsControl(absl::string_view name);

// The coordinator's representations of the public set, and a client's: [public samples, dim].
inline constexpr absl::string_view kPublicImages = "public.images";
inline constexpr absl::string_view kPublicTexts = "public.texts";
inline constexpr absl::string_view kPublicFeatures = "public.features";

// Whether a tensor of that name is a plain parameter: of kPlain.
bool IsPlain(absl::string_view name);

// Of the LayerNorms: of the blocks, after the last block, of the text embedding.
inline constexpr double kBlockNormEps = 1e-5, kFinalNormEps = 1e-6, kTextNormEps = 1e-12;

// Names and shapes of a `modality` model's parameters, in the release's state order
// (golden: model_forward/shapes.json). InvalidArgument if the spec makes no model: a dimension that
// is not positive, dim not divisible by heads, image size not divisible by patch.
absl::StatusOr<Manifest> ModelManifest(const ModelSpec& spec, Modality modality, TensorScope scope);

}  // namespace tributary
