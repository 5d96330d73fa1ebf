#include "client/daemon/training_proto.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr uint32_t kMost = 1u << 24;

absl::Status OutOfRange(absl::string_view field, double value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("the task's ", field, " is ", value, ", expected ", expected));
}

absl::Status CheckCount(absl::string_view field, uint32_t value, uint32_t least) {
  if (value >= least && value <= kMost) return absl::OkStatus();
  return OutOfRange(field, value, absl::StrCat(least, " to ", kMost));
}

// Finite, from 0 to `most`.
absl::Status CheckNumber(absl::string_view field, double value, double most) {
  if (std::isfinite(value) && value >= 0 && value <= most) return absl::OkStatus();
  return OutOfRange(field, value, "a finite number, not negative and not too large");
}

absl::StatusOr<ProximalRule> ParseProximalRule(const v1::LocalTraining& proto) {
  if (proto.proximal_rule() == "paper" || proto.proximal_mu() == 0) return ProximalRule::kPaper;
  if (proto.proximal_rule() == "release") return ProximalRule::kRelease;
  return absl::InvalidArgumentError(absl::StrCat(
      "the task's proximal_rule is \"", proto.proximal_rule(), "\", expected paper or release"));
}

}  // namespace

absl::StatusOr<LocalTraining> LocalTrainingFromProto(const v1::LocalTraining& proto) {
  constexpr double kAny = std::numeric_limits<double>::max();
  const v1::Augmentation& augmentation = proto.augmentation();
  RETURN_IF_ERROR(CheckCount("epochs", proto.epochs(), 1));
  RETURN_IF_ERROR(CheckCount("batch", proto.batch(), 1));
  RETURN_IF_ERROR(CheckNumber("learning_rate", proto.learning_rate(), kAny));
  RETURN_IF_ERROR(CheckNumber("weight_decay", proto.weight_decay(), kAny));
  RETURN_IF_ERROR(CheckNumber("clip_norm", proto.clip_norm(), kAny));
  RETURN_IF_ERROR(CheckNumber("proximal_mu", proto.proximal_mu(), kAny));
  RETURN_IF_ERROR(CheckCount("augmentation.crop_padding", augmentation.crop_padding(), 0));
  RETURN_IF_ERROR(CheckNumber("augmentation.horizontal_flip", augmentation.horizontal_flip(), 1));
  RETURN_IF_ERROR(CheckNumber("augmentation.rotation", augmentation.rotation(), 180));
  RETURN_IF_ERROR(CheckNumber("augmentation.vertical_flip", augmentation.vertical_flip(), 1));
  RETURN_IF_ERROR(CheckNumber("augmentation.brightness", augmentation.brightness(), 1));
  RETURN_IF_ERROR(CheckNumber("augmentation.contrast", augmentation.contrast(), 1));

  if (proto.has_contrast()) {
    RETURN_IF_ERROR(CheckCount("contrast.batch", proto.contrast().batch(), 1));
    RETURN_IF_ERROR(CheckNumber("contrast.temperature", proto.contrast().temperature(), kAny));
    RETURN_IF_ERROR(CheckNumber("contrast.weight", proto.contrast().weight(), kAny));
  }

  LocalTraining training;
  training.epochs = static_cast<int>(proto.epochs());
  training.batch = proto.batch();
  training.learning_rate = proto.learning_rate();
  training.warmup_steps = proto.warmup_steps();
  training.weight_decay = proto.weight_decay();
  training.clip_norm = proto.clip_norm();
  training.aux_trained = proto.aux_trained();
  training.learn_scale = proto.learn_scale();
  training.proximal_mu = proto.proximal_mu();
  ASSIGN_OR_RETURN(training.proximal_rule, ParseProximalRule(proto));
  training.augmentations.crop_padding = static_cast<int>(augmentation.crop_padding());
  training.augmentations.rotation = augmentation.rotation();
  training.augmentations.horizontal_flip = augmentation.horizontal_flip();
  training.augmentations.vertical_flip = augmentation.vertical_flip();
  training.augmentations.brightness = augmentation.brightness();
  training.augmentations.contrast = augmentation.contrast();
  if (proto.has_contrast()) {
    training.contrast = {.batch = proto.contrast().batch(),
                         .temperature = proto.contrast().temperature(),
                         .weight = proto.contrast().weight()};
  }
  return training;
}

}  // namespace tributary
