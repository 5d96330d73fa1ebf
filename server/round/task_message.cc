#include "server/round/task_message.h"

#include <algorithm>

#include "common/rpc/settings_proto.h"
#include "common/train/schedule.h"

namespace tributary {
namespace {

v1::Task Begin(int round, int attempt, absl::Duration left) {
  v1::Task task;
  task.set_round(static_cast<uint32_t>(round));
  task.set_attempt(static_cast<uint32_t>(attempt));
  task.set_deadline_ms(
      static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Milliseconds(left))));
  return task;
}

}  // namespace

v1::Task MakeEvaluationTask(int round, int attempt, absl::Duration left) {
  v1::Task task = Begin(round, attempt, left);
  task.set_evaluation(true);
  return task;
}

v1::ServerMessage MakeCancelTask(int round, int attempt, const std::string& reason) {
  v1::ServerMessage message;
  message.mutable_cancel_task()->set_round(static_cast<uint32_t>(round));
  message.mutable_cancel_task()->set_attempt(static_cast<uint32_t>(attempt));
  message.mutable_cancel_task()->set_reason(reason);
  return message;
}

v1::Task MakeTask(const RunContext& context, int round, int attempt, absl::Duration left,
                  int merged_round) {
  v1::Task task = Begin(round, attempt, left);
  task.set_evaluate_trained(context.config.evaluation.trained);
  task.set_seed(context.config.seed);
  task.set_upload_codec(CodecToProto(context.config.wire.upload));
  task.set_plain_f32(context.PlainF32());
  task.set_merged_round(static_cast<uint32_t>(merged_round));
  RunConfig of_round = context.config;
  of_round.local.learning_rate = LearningRate(context.config.local, round);
  WriteSettings(of_round, "training", task.mutable_training());
  return task;
}

}  // namespace tributary
