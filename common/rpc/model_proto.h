// Model shapes and manifests, to and from their wire form.
//
// What comes from the wire is checked: a value outside its range, an unknown word or number, or a
// digest that does not belong to its manifest is InvalidArgument, with the field's name.
//
// Pure functions, thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/manifest.h"
#include "tributary/v1/federation.pb.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

v1::Modality ModalityToProto(Modality modality);
absl::StatusOr<Modality> ModalityFromProto(v1::Modality modality);

v1::ModelSpec ModelSpecToProto(const ModelSpec& spec);
// Checks that the numbers are sane (a peer must not make us build a model of 2^60 values), not that
// they make a model: ModelManifest() does.
absl::StatusOr<ModelSpec> ModelSpecFromProto(const v1::ModelSpec& spec);

v1::Manifest ManifestToProto(const Manifest& manifest);
absl::StatusOr<Manifest> ManifestFromProto(const v1::Manifest& manifest);

}  // namespace tributary
