#include "server/round/task_message.h"

#include <algorithm>
#include <string>

#include "common/train/schedule.h"

namespace tributary {
namespace {

v1::LocalTraining TrainingOf(const RunConfig& config, int round) {
  const LocalConfig& local = config.local;
  v1::LocalTraining training;
  training.set_epochs(static_cast<uint32_t>(local.epochs));
  training.set_batch(static_cast<uint32_t>(local.batch));
  training.set_learning_rate(
      LearningRate(local.learning_rate, local.learning_rate_decay, local.warmup_rounds, round));
  training.set_weight_decay(local.weight_decay);
  training.set_clip_norm(local.clip_norm);
  training.set_aux_trained(local.aux_trained);
  training.set_learn_scale(local.learn_scale);
  training.set_proximal_mu(local.proximal_mu);
  training.set_proximal_rule(std::string(RuleName(local.proximal_rule)));
  if (config.method == Method::kCreamFl) {
    v1::Contrast* contrast = training.mutable_contrast();
    contrast->set_batch(static_cast<uint32_t>(config.creamfl.batch));
    contrast->set_temperature(config.creamfl.temperature);
    contrast->set_weight(config.creamfl.contrast_weight);
  }
  v1::Augmentation* augmentation = training.mutable_augmentation();
  augmentation->set_crop_padding(static_cast<uint32_t>(local.crop_padding));
  augmentation->set_rotation(local.rotation);
  augmentation->set_horizontal_flip(local.horizontal_flip);
  augmentation->set_vertical_flip(local.vertical_flip);
  augmentation->set_brightness(local.brightness);
  augmentation->set_contrast(local.contrast);
  return training;
}

}  // namespace

v1::Task MakeTask(const RunContext& context, int round, int attempt, absl::Duration left,
                  int merged_round) {
  v1::Task task;
  task.set_round(static_cast<uint32_t>(round));
  task.set_attempt(static_cast<uint32_t>(attempt));
  task.set_deadline_ms(
      static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Milliseconds(left))));
  task.set_seed(context.config.seed);
  task.set_upload_codec(CodecToProto(context.config.wire.upload));
  task.set_plain_f32(context.PlainF32());
  task.set_merged_round(static_cast<uint32_t>(merged_round));
  *task.mutable_training() = TrainingOf(context.config, round);
  return task;
}

}  // namespace tributary
