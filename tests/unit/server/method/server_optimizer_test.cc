// The update rules themselves are compared with an independent implementation in
// tests/integration/method_reference_test.py; here: what is around them.
#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "server/method/server_optimizer/optimizer_step.h"
#include "server/method/server_optimizer/server_optimizer_hook.h"
#include "tests/unit/server/method/hook_models.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class ServerOptimizerTest : public testing::Test {
 protected:
  void Start(const FedOptConfig& config) {
    hook_ = std::make_unique<ServerOptimizerHook>(config);
    models_ = ModelsOf(context_, 1);
    ASSERT_TRUE(hook_->Begin(context_, &models_).ok());
  }
  // A round whose merge adds `step` to all values.
  absl::Status Round(float step) {
    RoundOutcome outcome{.round = 1};
    outcome.before = models_.globals;
    outcome.plan = &plan_;
    for (auto& [target, global] : models_.globals) {
      for (size_t i = 0; i < global.size(); ++i) {
        for (float& value : global[i].tensor.values) value += step;
      }
    }
    return hook_->AfterMerge(context_, outcome, &models_);
  }
  float Value(const std::string& target = "pictures") const {
    return models_.globals.at(target).Find("norm.weight")->values[0];
  }
  float Moment(const std::string& name, const std::string& target = "pictures") const {
    return models_.state.at(StateKey("server_optimizer", target)).Find(name)->values[0];
  }

  const RunContext context_ = TinyContext();
  Plan plan_ = PlanOfOne(context_);
  std::unique_ptr<ServerOptimizerHook> hook_;
  ModelSet models_;
};

TEST_F(ServerOptimizerTest, MomentumGoesOnInTheOldDirection) {
  Start({.optimizer = ServerOptimizer::kMomentum, .learning_rate = 1, .momentum = 0.5});
  ASSERT_TRUE(Round(4).ok());
  EXPECT_EQ(Value(), 5) << "the first round is a plain merge";
  ASSERT_TRUE(Round(0).ok());
  EXPECT_EQ(Value(), 7);
  EXPECT_EQ(Moment("m.norm.weight"), 2);
  EXPECT_EQ(models_.state.at("server_optimizer+pictures").Find("v.norm.weight"), nullptr);
}

TEST_F(ServerOptimizerTest, SecondMomentsStartAtTheSquareOfTau) {
  Start({.optimizer = ServerOptimizer::kAdagrad, .learning_rate = 1, .momentum = 0, .tau = 0.5});
  EXPECT_EQ(Moment("v.norm.weight"), 0.25F);
  ASSERT_TRUE(Round(1).ok());
  EXPECT_EQ(Moment("v.norm.weight"), 1.25F);
  EXPECT_EQ(Value(), static_cast<float>(1 + 1 / (std::sqrt(1.25) + 0.5)));
}

TEST_F(ServerOptimizerTest, AParameterThatNobodyContributedToKeepsItsValueAndMoments) {
  Start({.optimizer = ServerOptimizer::kMomentum, .learning_rate = 1, .momentum = 0.5});
  ASSERT_TRUE(Round(4).ok());
  for (std::vector<Contribution>& contributions : plan_.at("pictures")) contributions.clear();
  const float before = Value(), moment = Moment("m.norm.weight");
  ASSERT_TRUE(Round(0).ok());
  EXPECT_EQ(Value(), before) << "momentum would have moved it";
  EXPECT_EQ(Moment("m.norm.weight"), moment);
  EXPECT_NE(Value("words"), 2 + 4) << "of the other target there were updates";
}

TEST_F(ServerOptimizerTest, AValueThatIsNotFiniteIsAnErrorThatNamesTheParameter) {
  Start({.optimizer = ServerOptimizer::kMomentum,
         .learning_rate = std::numeric_limits<float>::max()});
  const absl::Status status = Round(8);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pictures/"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("fedopt.learning_rate"));
}

TEST_F(ServerOptimizerTest, StateOfAnotherModelIsAnError) {
  Start({.optimizer = ServerOptimizer::kAdam});
  models_.state.clear();
  EXPECT_THAT(std::string(Round(1).message()), HasSubstr("m."));
}

// A step of a whole tensor and of its parts, cut anywhere, gives the same bits.
TEST(OptimizerStepTest, TheBitsOfAValueDependOnNothingBesideIt) {
  constexpr size_t kCount = 103;
  for (const ServerOptimizer optimizer : {ServerOptimizer::kMomentum, ServerOptimizer::kAdam,
                                          ServerOptimizer::kYogi, ServerOptimizer::kAdagrad}) {
    const FedOptConfig config{.optimizer = optimizer, .learning_rate = 0.1};
    RandomStream stream(1, "values");
    std::vector<float> before(kCount), values(kCount), first(kCount);
    std::vector<float> second(KeepsSecondMoments(optimizer) ? kCount : 0, 1e-6F);
    for (size_t i = 0; i < kCount; ++i) {
      before[i] = static_cast<float>(stream.Normal());
      values[i] = before[i] + static_cast<float>(0.01 * stream.Normal());
      first[i] = static_cast<float>(0.01 * stream.Normal());
    }
    std::vector<float> parts = values, first_parts = first, second_parts = second;
    EXPECT_EQ(StepValues(config, before, absl::MakeSpan(values), absl::MakeSpan(first),
                         absl::MakeSpan(second)),
              kCount);
    for (size_t begin = 0; begin < kCount;) {
      const size_t count = std::min<size_t>(1 + stream.Below(9), kCount - begin);
      const absl::Span<float> rest = absl::MakeSpan(second_parts);
      StepValues(config, absl::MakeConstSpan(before).subspan(begin, count),
                 absl::MakeSpan(parts).subspan(begin, count),
                 absl::MakeSpan(first_parts).subspan(begin, count),
                 rest.empty() ? rest : rest.subspan(begin, count));
      begin += count;
    }
    EXPECT_EQ(parts, values);
    EXPECT_EQ(first_parts, first);
    EXPECT_EQ(second_parts, second);
  }
}

}  // namespace
}  // namespace tributary
