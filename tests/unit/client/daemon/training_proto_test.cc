#include "client/daemon/training_proto.h"

#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

v1::LocalTraining Usual() {
  v1::LocalTraining proto;
  proto.set_epochs(3);
  proto.set_batch(96);
  proto.set_learning_rate(1e-3);
  proto.set_weight_decay(0.01);
  proto.set_clip_norm(2);
  proto.set_aux_trained(true);
  proto.set_proximal_mu(0.5);
  proto.set_proximal_rule("release");
  proto.mutable_augmentation()->set_crop_padding(4);
  proto.mutable_augmentation()->set_horizontal_flip(0.5);
  proto.mutable_augmentation()->set_rotation(15);
  proto.mutable_augmentation()->set_vertical_flip(0.25);
  proto.mutable_augmentation()->set_brightness(0.1);
  proto.mutable_augmentation()->set_contrast(0.2);
  return proto;
}

TEST(TrainingProtoTest, TakesEveryField) {
  const absl::StatusOr<LocalTraining> training = LocalTrainingFromProto(Usual());
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->epochs, 3);
  EXPECT_EQ(training->batch, 96);
  EXPECT_EQ(training->learning_rate, 1e-3);
  EXPECT_EQ(training->weight_decay, 0.01);
  EXPECT_EQ(training->clip_norm, 2);
  EXPECT_TRUE(training->aux_trained);
  EXPECT_FALSE(training->learn_scale);
  EXPECT_EQ(training->proximal_mu, 0.5);
  EXPECT_EQ(training->proximal_rule, ProximalRule::kRelease);
  EXPECT_EQ(training->augmentations.crop_padding, 4);
  EXPECT_EQ(training->augmentations.horizontal_flip, 0.5);
  EXPECT_EQ(training->augmentations.rotation, 15);
  EXPECT_EQ(training->augmentations.vertical_flip, 0.25);
  EXPECT_EQ(training->augmentations.brightness, 0.1);
  EXPECT_EQ(training->augmentations.contrast, 0.2);
  EXPECT_FALSE(training->contrast.has_value()) << "no public set";
}

TEST(TrainingProtoTest, ContrastIsTakenWhereThereIsAPublicSet) {
  v1::LocalTraining proto = Usual();
  proto.mutable_contrast()->set_batch(128);
  proto.mutable_contrast()->set_temperature(0.5);
  proto.mutable_contrast()->set_weight(2);
  const absl::StatusOr<LocalTraining> training = LocalTrainingFromProto(proto);
  ASSERT_TRUE(training.ok()) << training.status();
  EXPECT_EQ(training->contrast->batch, 128);
  EXPECT_EQ(training->contrast->temperature, 0.5);
  EXPECT_EQ(training->contrast->weight, 2);
  proto.mutable_contrast()->set_batch(0);
  EXPECT_FALSE(LocalTrainingFromProto(proto).ok());
  proto.mutable_contrast()->set_batch(1);
  proto.mutable_contrast()->set_weight(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(LocalTrainingFromProto(proto).ok());
}

TEST(TrainingProtoTest, ARateMayHaveDecayedBelowWhatARunFileMayStartWith) {
  v1::LocalTraining proto = Usual();
  proto.set_learning_rate(1e-30);
  EXPECT_EQ(LocalTrainingFromProto(proto)->learning_rate, 1e-30);
}

TEST(TrainingProtoTest, RefusesWhatNoTrainingCanHave) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::pair<const char*, std::function<void(v1::LocalTraining*)>> cases[] = {
      {"epochs", [](auto* p) { p->set_epochs(0); }},
      {"epochs", [](auto* p) { p->set_epochs(4'000'000'000u); }},
      {"batch", [](auto* p) { p->set_batch(0); }},
      {"learning_rate", [](auto* p) { p->set_learning_rate(-1); }},
      {"learning_rate", [=](auto* p) { p->set_learning_rate(nan); }},
      {"weight_decay", [](auto* p) { p->set_weight_decay(-0.1); }},
      {"clip_norm", [=](auto* p) { p->set_clip_norm(1 / 0.0); }},
      {"proximal_mu", [](auto* p) { p->set_proximal_mu(-1); }},
      {"proximal_rule", [](auto* p) { p->set_proximal_rule("papers"); }},
      {"rotation", [](auto* p) { p->mutable_augmentation()->set_rotation(181); }},
      {"vertical_flip", [](auto* p) { p->mutable_augmentation()->set_vertical_flip(-1); }},
      {"horizontal_flip", [](auto* p) { p->mutable_augmentation()->set_horizontal_flip(1.5); }},
      {"brightness", [](auto* p) { p->mutable_augmentation()->set_brightness(-0.5); }},
      {"contrast", [=](auto* p) { p->mutable_augmentation()->set_contrast(nan); }}};
  for (const auto& [field, spoil] : cases) {
    v1::LocalTraining proto = Usual();
    spoil(&proto);
    const absl::Status status = LocalTrainingFromProto(proto).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
}

}  // namespace
}  // namespace tributary
