#include "server/method/method_hooks.h"

#include <memory>

#include <gtest/gtest.h>

#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

// Writes down in what order it is asked, in the models' own state.
class NotingHook : public MethodHook {
 public:
  explicit NotingHook(float number) : number_(number) {}

  Needs needs() const override { return {.old_globals = number_ == 1, .changes_globals = false}; }
  absl::Status Begin(const RunContext&, ModelSet* models) const override { return Note(models); }
  void AdjustPlan(const std::vector<CohortMember>&, Plan* plan) const override {
    for (auto& [target, parameters] : *plan) {
      parameters[0][0].coefficient = 10 * parameters[0][0].coefficient + number_;
    }
  }
  std::optional<double> SummedWeight(const DatasetContext&,
                                     absl::string_view tensor) const override {
    if (tensor == "all" || (tensor == "second" && number_ == 2)) return number_ / 8;
    return std::nullopt;
  }
  absl::Status CheckReport(const CohortMember&, const v1::TrainingReport& report) const override {
    if (static_cast<float>(report.steps()) < number_)
      return absl::InvalidArgumentError(absl::StrCat(number_));
    return absl::OkStatus();
  }
  absl::Status AfterMerge(const RunContext&, const RoundOutcome&, ModelSet* models) const override {
    if (number_ == 3) return absl::InternalError("the third fails");
    return Note(models);
  }

 private:
  absl::Status Note(ModelSet* models) const {
    StateDict& notes = models->state["notes+"];
    return notes.Add(absl::StrCat(notes.size()), {{1}, {number_}});
  }
  const float number_;
};

MethodHooks Hooks(const std::vector<float>& numbers) {
  MethodHooks hooks;
  for (const float number : numbers) hooks.Append(std::make_unique<NotingHook>(number));
  return hooks;
}

std::vector<float> Notes(const ModelSet& models) {
  std::vector<float> notes;
  for (const auto& [name, tensor] : models.state.at("notes+")) notes.push_back(tensor.values[0]);
  return notes;
}

TEST(MethodHooksTest, AreCalledInTheirOrder) {
  const MethodHooks hooks = Hooks({1, 2});
  const RunContext context = TinyContext();
  ModelSet models;
  ASSERT_TRUE(hooks.Begin(context, &models).ok());
  ASSERT_TRUE(hooks.AfterMerge(context, {}, &models).ok());
  EXPECT_EQ(Notes(models), (std::vector<float>{1, 2, 1, 2}));
  Plan plan = {{"t", {{{.member = 0, .source = "a", .coefficient = 5}}}}};
  hooks.AdjustPlan({}, &plan);
  EXPECT_EQ(plan.at("t")[0][0].coefficient, 512);
}

TEST(MethodHooksTest, TheFirstErrorEndsIt) {
  const MethodHooks hooks = Hooks({1, 3, 2});
  ModelSet models;
  EXPECT_EQ(hooks.AfterMerge(TinyContext(), {}, &models).message(), "the third fails");
  EXPECT_EQ(Notes(models), (std::vector<float>{1}));
  v1::TrainingReport report;
  report.set_steps(1);
  EXPECT_EQ(hooks.CheckReport({}, report).message(), "3");
  report.set_steps(3);
  EXPECT_TRUE(hooks.CheckReport({}, report).ok());
}

TEST(MethodHooksTest, WhatOneNeedsAllGet) {
  EXPECT_FALSE(Hooks({2}).needs().old_globals);
  EXPECT_TRUE(Hooks({2, 1}).needs().old_globals);
  EXPECT_FALSE(Hooks({2, 1}).needs().changes_globals);
}

TEST(MethodHooksTest, ATensorIsSummedByTheFirstHookThatKnowsIt) {
  const MethodHooks hooks = Hooks({1, 2});
  const DatasetContext dataset = TinyContext().datasets.at("words");
  EXPECT_EQ(hooks.SummedWeight(dataset, "all"), 0.125);
  EXPECT_EQ(hooks.SummedWeight(dataset, "second"), 0.25);
  EXPECT_EQ(hooks.SummedWeight(dataset, "nobody's"), std::nullopt);
}

}  // namespace
}  // namespace tributary
