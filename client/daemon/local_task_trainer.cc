#include "client/daemon/local_task_trainer.h"

#include <memory>
#include <utility>

#include <sys/resource.h>

#include "client/daemon/training_proto.h"
#include "client/trainer/local_evaluation.h"
#include "client/trainer/local_trainer.h"
#include "common/base/status_macros.h"
#include "common/model/device.h"
#include "common/rpc/counts_proto.h"
#include "common/train/samples.h"
#include "common/train/shard_samples.h"

namespace tributary {
namespace {

double PeakResidentBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;  // Linux counts it in KiB
}

class LocalTaskTrainer : public TaskTrainer {
 public:
  // `test`: of the client's own test part; null: it has none.
  LocalTaskTrainer(std::string client, ModelSpec spec, std::unique_ptr<LocalTrainer> trainer,
                   std::unique_ptr<Samples> test, LocalEvaluation evaluation)
      : client_(std::move(client)),
        spec_(spec),
        trainer_(std::move(trainer)),
        test_(std::move(test)),
        evaluation_(std::move(evaluation)) {}

  absl::StatusOr<TrainedModel> Train(const StateDict& pulled, const StateDict& method_state,
                                     const v1::Task& task, const OnStep& on_step,
                                     const std::atomic<bool>& cancelled) override {
    LocalTask local;
    local.round = static_cast<int>(task.round());
    local.seed = task.seed();
    local.client = client_;
    ASSIGN_OR_RETURN(local.training, LocalTrainingFromProto(task.training()));
    ASSIGN_OR_RETURN(TrainingResult result, trainer_->Train(
                                                pulled, local,
                                                [&](int64_t step, int64_t steps, double loss) {
                                                  on_step(static_cast<uint32_t>(step),
                                                          static_cast<uint32_t>(steps), loss);
                                                },
                                                cancelled, method_state));
    TrainedModel trained;
    if (task.evaluate_trained() && test_ != nullptr) {
      ASSIGN_OR_RETURN(const TaskCounts counts, Evaluate(result.upload));
      *trained.report.mutable_trained() = CountsToProto(counts);
    }
    trained.weights = std::move(result.upload);
    trained.method_state = std::move(result.method_state);
    trained.report.set_loss(result.last_loss);
    trained.report.set_first_loss(result.first_loss);
    trained.report.set_steps(static_cast<uint32_t>(result.steps));
    trained.report.set_train_seconds(result.seconds);
    trained.report.set_peak_rss_bytes(PeakResidentBytes());
    const double loop_seconds = result.wait_seconds + result.step_seconds;
    if (loop_seconds > 0) trained.waiting_share = result.wait_seconds / loop_seconds;
    return trained;
  }

  absl::StatusOr<TaskCounts> Evaluate(const StateDict& pulled) override {
    if (test_ == nullptr) {
      return absl::FailedPreconditionError("this client has no test part to evaluate on");
    }
    return EvaluateLocally(spec_, *test_, pulled, evaluation_);
  }

 private:
  const std::string client_;
  const ModelSpec spec_;
  const std::unique_ptr<LocalTrainer> trainer_;
  const std::unique_ptr<Samples> test_;
  const LocalEvaluation evaluation_;
};

}  // namespace

absl::StatusOr<std::string> ResolveDevice(const std::string& name) {
  ASSIGN_OR_RETURN(const c10::Device device, OpenDevice(name));
  return device.str();
}

TrainerFactory LocalTrainers(ClientData data, std::string client, std::string device, int threads,
                             int loader_threads) {
  // The samples are made anew for each model: how texts are padded depends on it.
  return [=](const ModelSpec& model) -> absl::StatusOr<std::unique_ptr<TaskTrainer>> {
    ASSIGN_OR_RETURN(
        std::unique_ptr<Samples> samples,
        MakeShardSamples(data.shard, data.tokenizer, model.max_tokens, loader_threads));
    std::unique_ptr<Samples> public_samples;
    if (model.public_samples > 0 && data.public_set != nullptr) {
      ASSIGN_OR_RETURN(public_samples,
                       MakePublicSamples(data.public_set, data.tokenizer, model.max_tokens,
                                         model.public_samples, loader_threads));
    }
    ASSIGN_OR_RETURN(
        std::unique_ptr<LocalTrainer> trainer,
        LocalTrainer::Create(model, std::move(samples), {.device = device, .threads = threads},
                             std::move(public_samples)));
    std::unique_ptr<Samples> test;
    if (data.test != nullptr) {
      ASSIGN_OR_RETURN(
          test, MakeShardSamples(data.test, data.tokenizer, model.max_tokens, loader_threads));
    }
    return std::make_unique<LocalTaskTrainer>(
        client, model, std::move(trainer), std::move(test),
        LocalEvaluation{.device = device, .threads = threads});
  };
}

}  // namespace tributary
