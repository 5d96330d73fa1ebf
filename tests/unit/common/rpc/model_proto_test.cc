#include "common/rpc/model_proto.h"

#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

ModelSpec SmallSpec() {
  return {.dim = 16,
          .depth = 2,
          .heads = 2,
          .patch = 4,
          .image_size = 8,
          .channels = 3,
          .max_tokens = 6,
          .vocabulary_size = 50,
          .drop_path = 0.25,
          .classes = 5,
          .complementary = ComplementaryLayers::kMlp};
}

TEST(ModalityProtoTest, SurvivesTheWire) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    EXPECT_EQ(*ModalityFromProto(ModalityToProto(modality)), modality);
  }
}

TEST(ModalityProtoTest, RefusesUnknownNumbers) {
  EXPECT_FALSE(ModalityFromProto(v1::MODALITY_UNSPECIFIED).ok());
  EXPECT_FALSE(ModalityFromProto(static_cast<v1::Modality>(9)).ok());
}

TEST(ModelSpecProtoTest, SurvivesTheWire) {
  ModelSpec spec = SmallSpec();
  for (const auto layers : {ComplementaryLayers::kNone, ComplementaryLayers::kAttn,
                            ComplementaryLayers::kMlp, ComplementaryLayers::kAll}) {
    spec.complementary = layers;
    const absl::StatusOr<ModelSpec> back = ModelSpecFromProto(ModelSpecToProto(spec));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, spec);
  }
}

TEST(ModelSpecProtoTest, RefusesWhatNoModelCanBe) {
  const std::pair<const char*, std::function<void(v1::ModelSpec*)>> cases[] = {
      {"dim", [](v1::ModelSpec* p) { p->set_dim(1u << 31); }},
      {"vocabulary_size", [](v1::ModelSpec* p) { p->set_vocabulary_size(4'000'000'000u); }},
      {"drop_path", [](v1::ModelSpec* p) { p->set_drop_path(1); }},
      {"drop_path", [](v1::ModelSpec* p) { p->set_drop_path(-0.1); }},
      {"drop_path",
       [](v1::ModelSpec* p) { p->set_drop_path(std::numeric_limits<double>::quiet_NaN()); }},
      {"sideways", [](v1::ModelSpec* p) { p->set_complementary("sideways"); }}};
  for (const auto& [word, spoil] : cases) {
    v1::ModelSpec proto = ModelSpecToProto(SmallSpec());
    spoil(&proto);
    const absl::StatusOr<ModelSpec> spec = ModelSpecFromProto(proto);
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_THAT(std::string(spec.status().message()), HasSubstr(word));
  }
}

TEST(ManifestProtoTest, SurvivesTheWire) {
  const Manifest manifest = *ModelManifest(SmallSpec(), Modality::kImage, TensorScope::kDownload);
  const absl::StatusOr<Manifest> back = ManifestFromProto(ManifestToProto(manifest));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, manifest);
}

TEST(ManifestProtoTest, RefusesLies) {
  const std::pair<const char*, std::function<void(v1::Manifest*)>> cases[] = {
      {"digest", [](v1::Manifest* p) { p->set_digest("00"); }},
      {"digest", [](v1::Manifest* p) { p->mutable_tensors(0)->set_shape(0, 7); }},
      {"impossible shape", [](v1::Manifest* p) { p->mutable_tensors(0)->set_shape(0, -1); }},
      {"impossible shape",
       [](v1::Manifest* p) {
         for (int i = 0; i < 4; ++i) p->mutable_tensors(0)->add_shape(1 << 30);
       }},
      {"data type",
       [](v1::Manifest* p) { p->mutable_tensors(1)->set_dtype(v1::DATA_TYPE_UNSPECIFIED); }},
      {"no name", [](v1::Manifest* p) { p->mutable_tensors(1)->clear_name(); }},
      {"twice", [](v1::Manifest* p) { *p->add_tensors() = p->tensors(0); }},
      {"values in all", [](v1::Manifest* p) {
         for (int i = 0; i < 3; ++i) {
           v1::TensorSpec* tensor = p->add_tensors();
           *tensor = p->tensors(0);
           tensor->set_name("more" + std::to_string(i));
           tensor->clear_shape();
           tensor->add_shape(int64_t{1} << 32);
         }
       }}};
  for (const auto& [words, spoil] : cases) {
    v1::Manifest proto = ManifestToProto(
        Manifest{{TensorSpec{.name = "a", .shape = {2, 3}}, TensorSpec{.name = "b", .shape = {}}}});
    spoil(&proto);
    const absl::StatusOr<Manifest> manifest = ManifestFromProto(proto);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument) << words;
    EXPECT_THAT(std::string(manifest.status().message()), HasSubstr(words));
  }
}

}  // namespace
}  // namespace tributary
