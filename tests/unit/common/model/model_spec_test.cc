#include "common/model/model_spec.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/unit/common/model/tiny_model.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

size_t CountSuffix(const Manifest& manifest, absl::string_view suffix) {
  return static_cast<size_t>(
      std::count_if(manifest.tensors.begin(), manifest.tensors.end(),
                    [&](const TensorSpec& spec) { return absl::EndsWith(spec.name, suffix); }));
}

Manifest ManifestOf(const ModelSpec& spec, Modality modality, TensorScope scope) {
  auto manifest = ModelManifest(spec, modality, scope);
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  return *std::move(manifest);
}

TEST(ModelManifestTest, EachModalityHoldsItsOwnPartsOnly) {
  for (const auto& [modality, own, foreign] :
       {std::tuple{Modality::kImage, "blockses.0.", "blockses.1."},
        std::tuple{Modality::kText, "blockses.1.", "blockses.0."}}) {
    bool has_own = false;
    for (const auto& [name, shape] :
         ManifestOf(TinySpec(), modality, TensorScope::kPlain).tensors) {
      has_own |= absl::StartsWith(name, own);
      EXPECT_FALSE(absl::StartsWith(name, foreign)) << name;
    }
    EXPECT_TRUE(has_own);
  }
}

TEST(ModelManifestTest, ScopesAddAuxiliaryWeightsAndGates) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  const size_t layers = 4 * static_cast<size_t>(spec.depth);
  const Manifest plain = ManifestOf(spec, Modality::kImage, TensorScope::kPlain);
  EXPECT_EQ(CountSuffix(plain, ".aux_weight"), 0u);
  const Manifest download = ManifestOf(spec, Modality::kImage, TensorScope::kDownload);
  EXPECT_EQ(CountSuffix(download, ".aux_weight"), layers);
  EXPECT_EQ(CountSuffix(download, ".cross_modal_scale"), 0u);
  const Manifest training = ManifestOf(spec, Modality::kImage, TensorScope::kTraining);
  EXPECT_EQ(CountSuffix(training, ".cross_modal_scale"), layers);
}

TEST(ModelManifestTest, ChosenLayersAloneCarryAuxiliaryWeights) {
  for (const auto& [layers, chosen, other] :
       {std::tuple{ComplementaryLayers::kAttn, ".attn.", ".mlp."},
        std::tuple{ComplementaryLayers::kMlp, ".mlp.", ".attn."}}) {
    const Manifest manifest = ManifestOf(TinySpec(layers), Modality::kText, TensorScope::kDownload);
    EXPECT_EQ(CountSuffix(manifest, ".aux_weight"), 4u);
    for (const auto& [name, shape] : manifest.tensors) {
      if (!absl::EndsWith(name, ".aux_weight")) continue;
      EXPECT_TRUE(absl::StrContains(name, chosen) && !absl::StrContains(name, other)) << name;
    }
  }
}

TEST(ModelManifestTest, PairModelsHaveNoAuxiliaryWeights) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  EXPECT_EQ(ManifestOf(spec, Modality::kPair, TensorScope::kTraining),
            ManifestOf(spec, Modality::kPair, TensorScope::kPlain));
}

TEST(ModelManifestTest, RefusesWhatMakesNoModel) {
  const auto message = [](auto change, Modality modality) {
    ModelSpec spec = TinySpec();
    change(&spec);
    const auto manifest = ModelManifest(spec, modality, TensorScope::kPlain);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(manifest.status().message());
  };
  EXPECT_THAT(message([](ModelSpec* spec) { spec->heads = 3; }, Modality::kPair),
              HasSubstr("dim 8 is not divisible by heads 3"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->patch = 3; }, Modality::kImage),
              HasSubstr("image_size 8 is not divisible by patch 3"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->depth = 0; }, Modality::kPair),
              HasSubstr("depth is 0"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->dim = -8; }, Modality::kPair),
              HasSubstr("dim is -8"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->classes = 0; }, Modality::kText),
              HasSubstr("classes is 0"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->vocabulary_size = 0; }, Modality::kText),
              HasSubstr("vocabulary_size is 0"));
}

TEST(ModelManifestTest, WhatAModalityDoesNotUseMayBeAnything) {
  ModelSpec spec = TinySpec();
  spec.max_tokens = spec.vocabulary_size = 0;
  EXPECT_TRUE(ModelManifest(spec, Modality::kImage, TensorScope::kPlain).ok());
  spec = TinySpec();
  spec.patch = spec.image_size = spec.channels = 0;
  EXPECT_TRUE(ModelManifest(spec, Modality::kText, TensorScope::kPlain).ok());
  spec = TinySpec();
  spec.classes = 0;
  EXPECT_TRUE(ModelManifest(spec, Modality::kPair, TensorScope::kPlain).ok());
}

TEST(ModelWordsTest, AreReadBackAsWritten) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    EXPECT_EQ(*ParseModality(ModalityName(modality)), modality);
  }
  for (const auto layers : {ComplementaryLayers::kNone, ComplementaryLayers::kAttn,
                            ComplementaryLayers::kMlp, ComplementaryLayers::kAll}) {
    EXPECT_EQ(*ParseComplementaryLayers(ComplementaryLayersName(layers)), layers);
  }
  EXPECT_THAT(std::string(ParseModality("audio").status().message()), HasSubstr("\"audio\""));
  EXPECT_FALSE(ParseComplementaryLayers("some").ok());
}

TEST(ModelManifestTest, APublicSetAddsRepresentationsToTransfers) {
  ModelSpec spec = TinySpec();
  spec.public_samples = 6;
  const size_t plain = ManifestOf(spec, Modality::kText, TensorScope::kPlain).tensors.size();
  const auto download = ManifestOf(spec, Modality::kText, TensorScope::kDownload).tensors;
  ASSERT_EQ(download.size(), plain + 2);
  EXPECT_EQ(download[plain], (TensorSpec{"public.images", {6, spec.dim}}));
  EXPECT_EQ(download[plain + 1], (TensorSpec{"public.texts", {6, spec.dim}}));
  const auto upload = ManifestOf(spec, Modality::kText, TensorScope::kUpload).tensors;
  ASSERT_EQ(upload.size(), plain + 1);
  EXPECT_EQ(upload[plain], (TensorSpec{"public.features", {6, spec.dim}}));
  EXPECT_EQ(ManifestOf(spec, Modality::kPair, TensorScope::kUpload).tensors.size(),
            ManifestOf(spec, Modality::kPair, TensorScope::kPlain).tensors.size());
}

TEST(ModelManifestTest, ControlVariatesTravelBothWaysAfterTheParametersAndBeforeRepresentations) {
  ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  spec.public_samples = 6;
  spec.control_variates = true;
  const auto plain = ManifestOf(spec, Modality::kText, TensorScope::kPlain).tensors;
  const auto upload = ManifestOf(spec, Modality::kText, TensorScope::kUpload).tensors;
  ASSERT_EQ(upload.size(), 2 * plain.size() + 1);
  const auto download = ManifestOf(spec, Modality::kText, TensorScope::kDownload).tensors;
  for (size_t i = 0; i < plain.size(); ++i) {
    const TensorSpec control{ControlOf(plain[i].name), plain[i].shape};
    EXPECT_EQ(upload[plain.size() + i], control);
    EXPECT_EQ(download[download.size() - 2 - plain.size() + i], control);
  }
  EXPECT_EQ(upload.back().name, "public.features");
  EXPECT_EQ(ManifestOf(spec, Modality::kText, TensorScope::kPlain).tensors.size(), plain.size());
}

TEST(ModelManifestTest, ANameTellsWhetherATensorIsAPlainParameter) {
  ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  spec.public_samples = 6;
  spec.control_variates = true;
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    size_t plain = 0;
    for (const TensorSpec& tensor : ManifestOf(spec, modality, TensorScope::kPlain).tensors) {
      EXPECT_TRUE(IsPlain(tensor.name)) << tensor.name;
      EXPECT_TRUE(IsControl(ControlOf(tensor.name)));
      EXPECT_FALSE(IsControl(tensor.name)) << tensor.name;
      ++plain;
    }
    for (const auto scope :
         {TensorScope::kDownload, TensorScope::kUpload, TensorScope::kTraining}) {
      size_t found = 0;
      for (const TensorSpec& tensor : ManifestOf(spec, modality, scope).tensors) {
        found += IsPlain(tensor.name) ? 1 : 0;
      }
      EXPECT_EQ(found, plain);
    }
  }
}

TEST(ModelManifestTest, UploadsCarryNoAuxiliaryWeights) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  EXPECT_EQ(ManifestOf(spec, Modality::kImage, TensorScope::kUpload),
            ManifestOf(spec, Modality::kImage, TensorScope::kPlain));
}

}  // namespace
}  // namespace tributary
