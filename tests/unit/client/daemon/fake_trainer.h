// A trainer without a model: adds 1 to each weight, at the test's pace.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/daemon/task_trainer.h"

namespace tributary {

// Shared by a test and the trainers that its factory makes. Thread-safe.
class FakeTraining {
 public:
  // A trainer for uploads of the tensors `upload`.
  TrainerFactory Factory(const Manifest& upload) {
    return [this, upload](const ModelSpec&) -> absl::StatusOr<std::unique_ptr<TaskTrainer>> {
      absl::MutexLock lock(&mutex_);
      ++built_;
      if (!build_status_.ok()) return build_status_;
      return std::unique_ptr<TaskTrainer>(new Trainer(this, upload));
    };
  }

  // Trainings wait before their end until they are released or cancelled.
  void Hold() {
    Set([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { held_ = true; });
  }
  void Release() {
    Set([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { held_ = false; });
  }
  // The next training fails so.
  void FailOnce(absl::Status status) {
    Set([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { failure_ = std::move(status); });
  }
  void FailToBuild(absl::Status status) {
    Set([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { build_status_ = std::move(status); });
  }

  // What is added to the weights, instead of 1.
  using Step = std::function<void(const std::string& name, std::vector<float>* weights)>;
  void SetStep(Step step) {
    Set([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { step_ = std::move(step); });
  }
  // What trainings leave for the next round.
  void SetMethodState(StateDict state) {
    Set([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { left_state_ = std::move(state); });
  }
  // What the last training got of that.
  StateDict method_state() const {
    absl::MutexLock lock(&mutex_);
    return method_state_;
  }
  // What the last training started from.
  StateDict pulled() const {
    absl::MutexLock lock(&mutex_);
    return pulled_;
  }

  int begun() const { return Get(begun_); }
  int cancelled() const { return Get(cancelled_); }
  int built() const { return Get(built_); }
  void AwaitBegun(int trainings) { Await(begun_, trainings); }
  void AwaitCancelled(int trainings) { Await(cancelled_, trainings); }

 private:
  class Trainer : public TaskTrainer {
   public:
    Trainer(FakeTraining* training, Manifest upload)
        : training_(training), upload_(std::move(upload)) {}

    absl::StatusOr<TrainedModel> Train(const StateDict& pulled, const StateDict& method_state,
                                       const v1::Task&, const OnStep& on_step,
                                       const std::atomic<bool>& cancelled) override {
      on_step(1, 2, 0.5);
      const absl::Status status = training_->Pace(cancelled);
      if (!status.ok()) return status;
      on_step(2, 2, 0.25);
      const Step step = training_->NextStep(pulled, method_state);
      TrainedModel trained;
      trained.method_state = training_->LeftState();
      for (const TensorSpec& spec : upload_.tensors) {
        Tensor tensor = *pulled.Find(spec.name);
        step(spec.name, &tensor.values);
        EXPECT_TRUE(trained.weights.Add(spec.name, std::move(tensor)).ok());
      }
      trained.report.set_steps(2);
      trained.report.set_loss(0.375);
      return trained;
    }

    absl::StatusOr<TaskCounts> Evaluate(const StateDict&) override {
      return absl::FailedPreconditionError("there is no test part");
    }

   private:
    FakeTraining* const training_;
    const Manifest upload_;
  };

  absl::Status Pace(const std::atomic<bool>& is_cancelled) {
    absl::MutexLock lock(&mutex_);
    ++begun_;
    if (!failure_.ok()) return std::exchange(failure_, absl::OkStatus());
    // The flag has no condition of its own: look at it as often as a training would.
    const auto may_go = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !held_; };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&may_go), absl::Milliseconds(2))) {
      if (is_cancelled) {
        ++cancelled_;
        return absl::CancelledError("training was interrupted");
      }
    }
    return absl::OkStatus();
  }

  Step NextStep(const StateDict& pulled, const StateDict& method_state) {
    absl::MutexLock lock(&mutex_);
    pulled_ = pulled;
    method_state_ = method_state;
    return step_;
  }
  StateDict LeftState() const {
    absl::MutexLock lock(&mutex_);
    return left_state_;
  }

  void Set(const std::function<void()>& change) {
    absl::MutexLock lock(&mutex_);
    change();
  }
  int Get(const int& value) const {
    absl::MutexLock lock(&mutex_);
    return value;
  }
  void Await(const int& value, int least) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&] { return value >= least; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(30)));
  }

  mutable absl::Mutex mutex_;
  Step step_ = [](const std::string&, std::vector<float>* weights) {
    for (float& value : *weights) value += 1;
  };
  StateDict pulled_;
  StateDict method_state_;
  StateDict left_state_;
  bool held_ = false;
  int begun_ = 0;
  int cancelled_ = 0;
  int built_ = 0;
  absl::Status failure_;
  absl::Status build_status_;
};

}  // namespace tributary
