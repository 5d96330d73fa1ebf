#include "client/trainer/training_loop.h"

#include <cmath>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/train/adamw.h"
#include "common/train/losses.h"

namespace tributary {
namespace {

Batch ToDevice(Batch batch, c10::Device device) {
  if (device.is_cpu()) return batch;
  for (at::Tensor* tensor : {&batch.images, &batch.tokens, &batch.labels}) {
    if (tensor->defined()) *tensor = tensor->to(device, /*non_blocking=*/true);
  }
  return batch;
}

int64_t SizeOf(const Batch& batch) {
  return batch.images.defined() ? batch.images.size(0) : batch.tokens.size(0);
}

// The mean loss over the samples of an epoch.
class MeanLoss {
 public:
  void Add(double loss, int64_t samples) {
    sum_ += loss * static_cast<double>(samples);
    samples_ += static_cast<double>(samples);
  }
  double Value() const { return sum_ / samples_; }

 private:
  double sum_ = 0, samples_ = 0;
};

class Loop {
 public:
  Loop(const LocalTask& task, const Objective& objective, ControlVariates* control,
       Transformer* model)
      : task_(task),
        settings_(task.training),
        objective_(objective),
        control_(control),
        model_(model),
        weights_(model->Trained(settings_.aux_trained)),
        optimizer_(AllParameters(), settings_.learning_rate, settings_.weight_decay) {
    if (settings_.proximal_mu > 0) {
      for (const at::Tensor& weight : weights_) start_.push_back(weight.detach().clone());
    }
  }

  // Step number `step`, from 0; returns its loss.
  absl::StatusOr<double> Step(const Batch& batch, int64_t step) {
    optimizer_.ZeroGradients();
    at::Tensor loss = objective_.Loss(*model_, batch);
    if (!start_.empty()) {
      loss = loss + ProximalTerm(weights_, start_, settings_.proximal_mu, settings_.proximal_rule);
    }
    const double value = loss.item<double>();
    RETURN_IF_ERROR(CheckFinite(value, step));
    loss.backward();
    if (control_ != nullptr) control_->Correct();
    if (settings_.clip_norm > 0) optimizer_.ClipGradients(settings_.clip_norm);
    optimizer_.Step();
    return value;
  }

  AdamW* optimizer() { return &optimizer_; }

  absl::Status CheckFinite(double loss, int64_t step) const {
    if (std::isfinite(loss)) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("client ", task_.client, ", round ", task_.round,
                                            ": the loss is ", loss, " at step ", step + 1,
                                            " with learning rate ", settings_.learning_rate,
                                            "; lower local.learning_rate or set local.clip_norm"));
  }

 private:
  std::vector<at::Tensor> AllParameters() const {
    std::vector<at::Tensor> all = weights_;
    for (at::Tensor& parameter : objective_.Parameters()) all.push_back(std::move(parameter));
    return all;
  }

  const LocalTask& task_;
  const LocalTraining& settings_;
  const Objective& objective_;
  ControlVariates* const control_;
  Transformer* const model_;
  const std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> start_;  // the weights before the first step, for the proximal term
  AdamW optimizer_;
};

}  // namespace

absl::StatusOr<TrainingResult> RunTrainingLoop(const LocalTask& task, const Objective& objective,
                                               const TrainingTerms& terms,
                                               const OnTrainingStep& on_step,
                                               const std::atomic<bool>& cancelled,
                                               BatchQueue* queue, Transformer* model) {
  Loop loop(task, objective, terms.control, model);
  PublicPass* const public_pass = terms.public_pass;
  TrainingResult result;
  const int64_t public_steps = public_pass == nullptr ? 0 : public_pass->steps();
  const int64_t steps = task.training.epochs * (queue->batches_per_epoch() + public_steps);
  const auto after_step = [&](double loss) -> absl::Status {
    RETURN_IF_ERROR(loop.CheckFinite(loss, result.steps));
    ++result.steps;
    if (on_step) on_step(result.steps, steps, loss);
    return cancelled.load() ? absl::CancelledError("training was cancelled") : absl::OkStatus();
  };
  for (int epoch = 0; epoch < task.training.epochs; ++epoch) {
    MeanLoss mean;
    for (int64_t i = 0; i < queue->batches_per_epoch(); ++i) {
      if (cancelled.load()) return absl::CancelledError("training was cancelled");
      const absl::Time asked = absl::Now();
      ASSIGN_OR_RETURN(Batch next, queue->Next());
      const absl::Time got = absl::Now();
      const Batch batch = ToDevice(std::move(next), model->device());
      ASSIGN_OR_RETURN(const double loss, loop.Step(batch, result.steps));
      result.wait_seconds += absl::ToDoubleSeconds(got - asked);
      result.step_seconds += absl::ToDoubleSeconds(absl::Now() - got);
      mean.Add(loss, SizeOf(batch));
      ++result.steps;
      if (on_step) on_step(result.steps, steps, loss);
    }
    result.last_loss = mean.Value();
    if (epoch == 0) result.first_loss = result.last_loss;
    if (public_pass != nullptr) RETURN_IF_ERROR(public_pass->Run(loop.optimizer(), after_step));
  }
  return result;
}

}  // namespace tributary
