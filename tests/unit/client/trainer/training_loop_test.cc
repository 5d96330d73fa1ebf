// The loop alone: with losses whose gradients are known, so that every step can be computed here.
#include "client/trainer/training_loop.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<int64_t> kWholeTable;

// An objective that a test writes, with one value of its own to be trained.
class ScriptedObjective : public Objective {
 public:
  using LossOf = std::function<at::Tensor(const Transformer&, const Batch&)>;
  explicit ScriptedObjective(LossOf loss) : loss_(std::move(loss)) { own_.set_requires_grad(true); }

  at::Tensor Loss(const Transformer& model, const Batch& batch) const override {
    return loss_(model, batch);
  }
  std::vector<at::Tensor> Parameters() const override { return {own_}; }
  const at::Tensor& own() const { return own_; }

 private:
  const LossOf loss_;
  at::Tensor own_ = at::zeros({}, at::kDouble);
};

// AdamW of one value, in doubles. Loshchilov and Hutter, algorithm 2.
class ReferenceAdamW {
 public:
  ReferenceAdamW(double value, double weight_decay) : value_(value), weight_decay_(weight_decay) {}
  void Step(double gradient, double learning_rate) {
    ++steps_;
    m_ = 0.9 * m_ + 0.1 * gradient;
    v_ = 0.999 * v_ + 0.001 * gradient * gradient;
    const double m = m_ / (1 - std::pow(0.9, steps_)), v = v_ / (1 - std::pow(0.999, steps_));
    value_ -= learning_rate * weight_decay_ * value_;
    value_ -= learning_rate * m / (std::sqrt(v) + 1e-8);
  }
  double value() const { return value_; }

 private:
  double value_, weight_decay_, m_ = 0, v_ = 0;
  int steps_ = 0;
};

// `count` images whose label is their row.
std::unique_ptr<Samples> Numbered(int64_t count) {
  at::Tensor labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) labels.mutable_data_ptr<int64_t>()[i] = i;
  return std::make_unique<MemorySamples>(Modality::kImage, Batch{TinyImages(count), {}, labels});
}

class TrainingLoopTest : public testing::Test {
 protected:
  TrainingLoopTest() {
    task_.client = "site-1";
    task_.round = 4;
    task_.shuffle = false;
    task_.training.epochs = 1;
    task_.training.batch = 3;
    task_.training.learning_rate = 0.1;
  }

  absl::StatusOr<TrainingResult> Run(const Objective& objective) {
    BatchQueue queue(*samples_, task_, kWholeTable);
    return RunTrainingLoop(
        task_, objective, {},
        [this](int64_t step, int64_t steps, double loss) {
          steps_.push_back(step);
          all_steps_ = steps;
          losses_.push_back(loss);
          if (step == cancel_at_) cancelled_ = true;
        },
        cancelled_, &queue, model_.get());
  }
  TrainingResult MustRun(const Objective& objective) {
    auto result = Run(objective);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  // The mean label of a batch as its loss, which moves nothing.
  static ScriptedObjective MeanLabel() {
    return ScriptedObjective([](const Transformer&, const Batch& batch) {
      return batch.labels.to(at::kDouble).mean().set_requires_grad(true);
    });
  }
  at::Tensor Parameter(const std::string& name) const {
    for (const auto& parameter : model_->parameters()) {
      if (parameter.name == name) return parameter.tensor;
    }
    ADD_FAILURE() << name;
    return {};
  }

  const StateDict state_ = TinyState(TinySpec(), Modality::kImage);
  std::unique_ptr<Transformer> model_ =
      *Transformer::Create(TinySpec(), Modality::kImage, state_, c10::kCPU);
  std::unique_ptr<Samples> samples_ = Numbered(7);
  LocalTask task_;
  std::atomic<bool> cancelled_ = false;
  int64_t cancel_at_ = -1;
  std::vector<int64_t> steps_;
  int64_t all_steps_ = 0;
  std::vector<double> losses_;
};

TEST_F(TrainingLoopTest, ALossIsTheMeanOverSamplesAndNotOverBatches) {
  // Batches of rows 0 1 2, 3 4 5 and 6: means 1, 4 and 6.
  const TrainingResult result = MustRun(MeanLabel());
  EXPECT_THAT(losses_, ElementsAre(1, 4, 6));
  EXPECT_DOUBLE_EQ(result.last_loss, (3 * 1 + 3 * 4 + 6) / 7.0);
  EXPECT_EQ(result.first_loss, result.last_loss) << "of a single epoch";
  EXPECT_EQ(result.steps, 3);
}

TEST_F(TrainingLoopTest, LossesAreThoseOfTheFirstAndTheLastEpoch) {
  task_.training.epochs = 3;
  task_.training.batch = 7;
  double next = 0;
  const TrainingResult result = MustRun(ScriptedObjective([&](const Transformer&, const Batch&) {
    return at::full({}, next += 10, at::kDouble).set_requires_grad(true);
  }));
  EXPECT_EQ(result.first_loss, 10);
  EXPECT_EQ(result.last_loss, 30);
}

TEST_F(TrainingLoopTest, StepsAreCountedOverAllEpochs) {
  task_.training.epochs = 2;
  EXPECT_EQ(MustRun(MeanLabel()).steps, 6);
  EXPECT_THAT(steps_, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(all_steps_, 6);
}

TEST_F(TrainingLoopTest, NobodyNeedsToListen) {
  BatchQueue queue(*samples_, task_, kWholeTable);
  const auto result =
      RunTrainingLoop(task_, MeanLabel(), {}, nullptr, cancelled_, &queue, model_.get());
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST_F(TrainingLoopTest, ACancelledTrainingMakesNoStep) {
  cancelled_ = true;
  EXPECT_EQ(Run(MeanLabel()).status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(steps_.empty());
}

TEST_F(TrainingLoopTest, CancellingEndsItBeforeTheNextStep) {
  task_.training.epochs = 100;
  cancel_at_ = 4;  // in the second epoch
  EXPECT_EQ(Run(MeanLabel()).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(steps_.back(), 4);
}

TEST_F(TrainingLoopTest, CancellingAfterTheLastStepIsTooLate) {
  cancel_at_ = 3;
  EXPECT_TRUE(Run(MeanLabel()).ok());
}

TEST_F(TrainingLoopTest, ALossThatIsNotFiniteNamesItsStepAndMakesNone) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    int step = 0;
    steps_.clear();
    const auto result = Run(ScriptedObjective([&](const Transformer&, const Batch&) {
      return at::full({}, ++step == 2 ? bad : 1.0, at::kDouble).set_requires_grad(true);
    }));
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(result.status().message()),
                AllOf(HasSubstr("site-1"), HasSubstr("round 4"), HasSubstr("step 2"),
                      HasSubstr("learning rate 0.1"), HasSubstr("local.clip_norm")));
    EXPECT_THAT(steps_, ElementsAre(1));
  }
}

TEST_F(TrainingLoopTest, AnErrorOfTheSamplesEndsIt) {
  class Unreadable : public MemorySamples {
   public:
    Unreadable() : MemorySamples(Modality::kImage, {TinyImages(7), {}, TinyLabels(7)}) {}
    absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& changes,
                                 RandomStream* stream) const override {
      if (rows.front() == 3) return absl::DataLossError("block 1");
      return MemorySamples::Gather(rows, changes, stream);
    }
  };
  samples_ = std::make_unique<Unreadable>();
  EXPECT_EQ(Run(MeanLabel()).status(), absl::DataLossError("block 1"));
  EXPECT_THAT(steps_, ElementsAre(1)) << "the batch before it was trained on";
}

// Training of one value whose gradient at each step is known.
class OneValueTest : public TrainingLoopTest {
 protected:
  // Trains the objective's own value with these gradients, one a step.
  double Trained(const std::vector<double>& gradients) {
    samples_ = Numbered(static_cast<int64_t>(gradients.size()));
    task_.training.batch = 1;
    size_t next = 0;
    ScriptedObjective* objective = nullptr;
    ScriptedObjective scripted(
        [&](const Transformer&, const Batch&) { return objective->own() * gradients[next++]; });
    objective = &scripted;
    MustRun(scripted);
    return scripted.own().item<double>();
  }
};

TEST_F(OneValueTest, WhatTheObjectiveAddsIsTrainedByAdamW) {
  ReferenceAdamW reference(0, 0);
  const std::vector<double> gradients = {1, -3, 0.5, 0, 2};
  for (const double gradient : gradients) reference.Step(gradient, 0.1);
  EXPECT_NEAR(Trained(gradients), reference.value(), 1e-9);
}

TEST_F(OneValueTest, AGradientOfOneMovesByTheRate) {
  task_.training.learning_rate = 0.02;
  EXPECT_NEAR(Trained({1, 1, 1}), -0.06, 1e-6);
}

TEST_F(OneValueTest, GradientsAreCutToTheirNorm) {
  task_.training.clip_norm = 2;
  ReferenceAdamW reference(0, 0);
  for (const double gradient : {2.0, -0.5, 2.0, 1.0}) reference.Step(gradient, 0.1);
  EXPECT_NEAR(Trained({50, -0.5, 2.5, 1}), reference.value(), 1e-5);
}

TEST_F(OneValueTest, WithoutANormTheyAreNot) {
  task_.training.clip_norm = 0;
  ReferenceAdamW reference(0, 0);
  for (const double gradient : {50.0, -0.5}) reference.Step(gradient, 0.1);
  EXPECT_NEAR(Trained({50, -0.5}), reference.value(), 1e-9);
}

// Training of the model's final bias, under a loss that is linear in it.
class ModelWeightTest : public TrainingLoopTest {
 protected:
  static constexpr char kName[] = "norm.bias";
  static constexpr double kSlope = 0.3;

  // The bias's first value after `steps` steps.
  double Trained(int64_t steps) {
    samples_ = Numbered(steps);
    task_.training.batch = 1;
    MustRun(ScriptedObjective(
        [this](const Transformer&, const Batch&) { return Parameter(kName).sum() * kSlope; }));
    return Parameter(kName)[0].item<double>();
  }
  double Start() const { return state_.Find(kName)->values[0]; }
};

TEST_F(ModelWeightTest, TheModelIsTrainedAndWhatHasNoGradientStays) {
  ReferenceAdamW reference(Start(), 0);
  for (int i = 0; i < 4; ++i) reference.Step(kSlope, 0.1);
  EXPECT_NEAR(Trained(4), reference.value(), 1e-5);
  const at::Tensor other = Parameter("norm.weight");
  EXPECT_EQ(other[0].item<float>(), state_.Find("norm.weight")->values[0]);
}

TEST_F(ModelWeightTest, WeightDecayIsDecoupled) {
  task_.training.weight_decay = 0.5;
  {
    const at::NoGradGuard no_gradients;
    Parameter(kName).fill_(2);
  }
  ReferenceAdamW reference(2, 0.5);
  for (int i = 0; i < 3; ++i) reference.Step(kSlope, 0.1);
  EXPECT_NEAR(Trained(3), reference.value(), 1e-5);
}

TEST_F(ModelWeightTest, ThePapersProximalTermPullsBackByTheDistance) {
  task_.training.proximal_mu = 0.7;
  task_.training.proximal_rule = ProximalRule::kPaper;
  ReferenceAdamW reference(Start(), 0);
  for (int i = 0; i < 5; ++i) reference.Step(kSlope + 0.7 * (reference.value() - Start()), 0.1);
  EXPECT_NEAR(Trained(5), reference.value(), 1e-5);
}

TEST_F(ModelWeightTest, TheReleasesProximalTermPullsBackByTheDirection) {
  task_.training.proximal_mu = 0.7;
  task_.training.proximal_rule = ProximalRule::kRelease;
  ReferenceAdamW reference(Start(), 0);
  for (int i = 0; i < 5; ++i) {
    // All 8 values move alike: the norm of the difference is sqrt(8) times each.
    const double difference = reference.value() - Start();
    const double direction =
        difference == 0 ? 0 : difference / (std::sqrt(8.0) * std::abs(difference));
    reference.Step(kSlope + 0.7 / 2 * direction, 0.1);
  }
  EXPECT_NEAR(Trained(5), reference.value(), 1e-5);
}

TEST_F(ModelWeightTest, TheProximalTermIsPartOfTheLossThatIsTold) {
  task_.training.proximal_mu = 2;
  {
    const at::NoGradGuard no_gradients;
    Parameter(kName).fill_(0);
  }
  Trained(2);
  ASSERT_EQ(losses_.size(), 2u);
  EXPECT_NEAR(losses_[0], 0, 1e-6);
  // After a step of 0.1 down: 8 * 0.3 * -0.1, and 2 / 2 * 8 * 0.1^2.
  EXPECT_NEAR(losses_[1], -0.24 + 0.08, 1e-5);
}

}  // namespace
}  // namespace tributary
