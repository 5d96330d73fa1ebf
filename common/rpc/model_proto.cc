#include "common/rpc/model_proto.h"

#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/model_fields.h"
#include "common/rpc/settings_proto.h"

namespace tributary {
namespace {

// Far above any model of the project (size `base` has 1.1e8 values), and low enough that no product
// or sum of sizes overflows: 2^33 floats are 32 GiB.
constexpr int64_t kMostValues = int64_t{1} << 33;

absl::StatusOr<TensorSpec> TensorSpecFromProto(const v1::TensorSpec& tensor) {
  if (tensor.name().empty()) {
    return absl::InvalidArgumentError("manifest: a tensor has no name");
  }
  if (tensor.dtype() != v1::DATA_TYPE_F32) {
    return absl::InvalidArgumentError(absl::StrCat("manifest: tensor ", tensor.name(),
                                                   " has data type number ", tensor.dtype(),
                                                   ", only F32 (1) is known"));
  }
  TensorSpec spec{tensor.name(), Shape(tensor.shape().begin(), tensor.shape().end())};
  int64_t values = 1;
  for (const int64_t extent : spec.shape) {
    // Divides instead of multiplying, which could overflow before it is compared.
    if (extent < 0 || (extent > 0 && values > kMostValues / extent)) {
      return absl::InvalidArgumentError(absl::StrCat("manifest: tensor ", tensor.name(),
                                                     " has the impossible shape ",
                                                     ShapeToString(spec.shape)));
    }
    values *= extent;
  }
  return spec;
}

}  // namespace

v1::Modality ModalityToProto(Modality modality) {
  switch (modality) {
    case Modality::kImage:
      return v1::MODALITY_IMAGE;
    case Modality::kText:
      return v1::MODALITY_TEXT;
    case Modality::kPair:
      return v1::MODALITY_PAIR;
  }
  return v1::MODALITY_UNSPECIFIED;
}

absl::StatusOr<Modality> ModalityFromProto(v1::Modality modality) {
  switch (modality) {
    case v1::MODALITY_IMAGE:
      return Modality::kImage;
    case v1::MODALITY_TEXT:
      return Modality::kText;
    case v1::MODALITY_PAIR:
      return Modality::kPair;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("modality number ", static_cast<int>(modality),
                       " is unknown, expected image (1), text (2) or pair (3)"));
  }
}

v1::ModelSpec ModelSpecToProto(const ModelSpec& spec) {
  v1::ModelSpec proto;
  WriteFields(ModelSpecFields(), spec, &proto);
  return proto;
}

absl::StatusOr<ModelSpec> ModelSpecFromProto(const v1::ModelSpec& proto) {
  ModelSpec spec;
  RETURN_IF_ERROR(ReadFields(ModelSpecFields(), proto, "model.", &spec));
  return spec;
}

v1::Manifest ManifestToProto(const Manifest& manifest) {
  v1::Manifest proto;
  for (const TensorSpec& tensor : manifest.tensors) {
    v1::TensorSpec* spec = proto.add_tensors();
    spec->set_name(tensor.name);
    spec->set_dtype(v1::DATA_TYPE_F32);
    for (const int64_t extent : tensor.shape) spec->add_shape(extent);
  }
  proto.set_digest(manifest.Digest());
  return proto;
}

absl::StatusOr<Manifest> ManifestFromProto(const v1::Manifest& proto) {
  Manifest manifest;
  manifest.tensors.reserve(static_cast<size_t>(proto.tensors_size()));
  absl::flat_hash_set<std::string> names;
  int64_t values = 0;
  for (const v1::TensorSpec& tensor : proto.tensors()) {
    ASSIGN_OR_RETURN(TensorSpec spec, TensorSpecFromProto(tensor));
    if (!names.insert(spec.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("manifest: tensor ", spec.name, " is listed twice"));
    }
    values += ElementCount(spec.shape);
    if (values > kMostValues) {
      return absl::InvalidArgumentError(
          absl::StrCat("manifest: more than ", kMostValues, " values in all"));
    }
    manifest.tensors.push_back(std::move(spec));
  }
  // The digest is what both sides compare later; one that does not belong to its tensors would let
  // two different manifests pass as equal.
  if (const std::string digest = manifest.Digest(); digest != proto.digest()) {
    return absl::InvalidArgumentError(absl::StrCat("manifest: its tensors have digest ", digest,
                                                   ", but it says ", proto.digest()));
  }
  return manifest;
}

}  // namespace tributary
