#include "server/round/run_models.h"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "common/tensor/safetensors.h"
#include "server/method/method_hooks.h"
#include "server/method/scaffold/control_variates_hook.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

// Adds 1 to the first value of each global after each merge, and remembers whose updates it saw.
class AddOne : public MethodHook {
 public:
  explicit AddOne(std::vector<std::string>* seen, RoundOutcome* outcome = nullptr)
      : seen_(seen), outcome_(outcome) {}

  Needs needs() const override {
    return {.old_globals = outcome_ != nullptr, .changes_globals = true};
  }
  absl::Status Begin(const RunContext&, ModelSet* models) const override {
    return models->auxiliary["words"].Add("extra", {.shape = {1}, .values = {5}});
  }
  absl::Status AfterMerge(const RunContext&, const RoundOutcome& outcome,
                          ModelSet* models) const override {
    for (const MergedUpdate& update : outcome.updates) seen_->push_back(update.client);
    for (auto& [name, global] : models->globals) global[0].tensor.values[0] += 1;
    if (outcome_ == nullptr) return absl::OkStatus();
    *outcome_ = outcome;
    coefficients_ = *outcome.plan;
    outcome_->plan = &coefficients_;
    return absl::OkStatus();
  }

 private:
  std::vector<std::string>* const seen_;  // clients whose updates were merged
  RoundOutcome* const outcome_;           // of the last round
  mutable Plan coefficients_;
};

class RunModelsTest : public testing::Test {
 protected:
  void SetUp() override { config_.wire.download_delta.reset(); }

  // Opens the models of the state folder, which may be a new one.
  void Open(const MethodHooks* hooks) {
    models_.reset();
    store_.reset();
    context_ = TinyContext(config_);
    store_ = *RunStore::Open(scratch_ / "state");
    models_ = std::make_unique<RunModels>(
        RunModels::Dependencies{.context = &context_,
                                .store = store_.get(),
                                .hooks = hooks,
                                .clock = &clock_,
                                .evaluate = [](const auto& globals) {
                                  std::map<std::string, TaskMetrics> tasks;
                                  for (const auto& [name, global] : globals)
                                    tasks[name].classification.emplace();
                                  return tasks;
                                }});
    const absl::Status opened = models_->Open(TinyGlobals(context_));
    ASSERT_TRUE(opened.ok()) << opened;
  }

  // A round in which `clients` of the cohort push `value` for everything, up to its merge.
  void Merge(int round, const std::vector<std::string>& clients, float value = 0.5F,
             bool keep = true) {
    const std::unique_ptr<Aggregator> aggregator = models_->NewAggregator(cohort_, keep);
    ClosedRound closed{
        .round = round, .updates = {}, .aggregator = aggregator.get(), .timings = &timings_};
    for (const CohortMember& member : cohort_) {
      if (std::find(clients.begin(), clients.end(), member.client) == clients.end()) continue;
      StateDict delta;
      for (const TensorSpec& spec : aggregator->ManifestOf(member).tensors) {
        Tensor tensor = Tensor::Zeros(spec.shape);
        for (float& each : tensor.values) each = value;
        ASSERT_TRUE(delta.Add(spec.name, std::move(tensor)).ok());
      }
      const auto encoded = EncodedState::Encode(delta, Codec::kF32, 1 << 12, 1);
      auto spool = std::make_unique<Spool>(scratch_ / member.client, &budget_);
      ASSERT_TRUE(AddWhole(member, *encoded, std::move(spool), aggregator.get()).ok());
      closed.updates.push_back({.client = member.client,
                                .modality = member.modality,
                                .record = {.dataset = member.dataset, .samples = member.samples}});
    }
    const absl::Status merged = models_->Merge(std::move(closed));
    ASSERT_TRUE(merged.ok()) << merged;
  }
  RoundRecord Commit(int round) {
    RoundRecord record{.round = round};
    const absl::Status committed = models_->Commit(&record, clock_.Now(), &timings_);
    EXPECT_TRUE(committed.ok()) << committed;
    return record;
  }
  std::string Hash() const { return ModelHash(models_->models().globals); }
  std::string StoredHash() const { return ModelHash(store_->LoadLast()->globals); }

  RunConfig config_ = TinyConfig();
  RunContext context_;
  const std::vector<CohortMember> cohort_ = {{"pictures-0", "pictures", Modality::kImage, 10},
                                             {"words-0", "words", Modality::kText, 10},
                                             {"words-1", "words", Modality::kText, 10}};
  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  const MethodHooks plain_{};
  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 20};
  RoundTimings timings_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<RunModels> models_;
};

TEST_F(RunModelsTest, ANewRunCommitsItsInitialModelsAndPublishesThem) {
  Open(&plain_);
  EXPECT_EQ(*store_->LastRound(), 0);
  EXPECT_EQ(StoredHash(), ModelHash(TinyGlobals(context_)));
  ASSERT_EQ(models_->published().size(), 2u);
  EXPECT_NE(models_->published().at("words").whole, nullptr);
}

TEST_F(RunModelsTest, WhatWasMergedIsCommittedAndPublished) {
  Open(&plain_);
  const float before = models_->models().globals.at("words")[0].tensor.values[0];
  const uint64_t version = models_->published().at("words").whole->version().version;
  Merge(1, {"words-0"});
  EXPECT_FLOAT_EQ(models_->models().globals.at("words")[0].tensor.values[0], before + 0.5F);
  EXPECT_EQ(*store_->LastRound(), 0) << "not yet";
  const RoundRecord record = Commit(1);
  EXPECT_EQ(*store_->LastRound(), 1);
  EXPECT_EQ(record.model_hash, Hash());
  EXPECT_EQ(StoredHash(), Hash());
  EXPECT_NE(models_->published().at("words").whole->version().version, version);
}

TEST_F(RunModelsTest, TheRecordTellsHowLongTheRoundTook) {
  Open(&plain_);
  const absl::Time started = clock_.Now();
  Merge(1, {});
  clock_.Advance(absl::Seconds(7));
  RoundRecord record{.round = 1};
  ASSERT_TRUE(models_->Commit(&record, started, &timings_).ok());
  EXPECT_EQ(record.seconds, 7);
}

TEST_F(RunModelsTest, WhatTheMethodChangesAfterTheMergeIsWhatIsCommitted) {
  std::vector<std::string> seen;
  MethodHooks hooks;
  hooks.Append(std::make_unique<AddOne>(&seen));
  Open(&hooks);
  EXPECT_TRUE(store_->LoadLast()->auxiliary.contains("words")) << "what it began with";
  const float before = models_->models().globals.at("words")[0].tensor.values[0];
  Merge(1, {"words-1", "pictures-0"});
  EXPECT_THAT(seen, ElementsAre("pictures-0", "words-1"));
  EXPECT_FLOAT_EQ(models_->models().globals.at("words")[0].tensor.values[0], before + 1.5F);
  Commit(1);
  EXPECT_EQ(StoredHash(), Hash());
}

TEST_F(RunModelsTest, HooksSeeTheOldGlobalsTheCoefficientsAndTheSums) {
  config_.local.control_variates = true;
  std::vector<std::string> seen;
  RoundOutcome outcome;
  MethodHooks hooks;
  hooks.Append(std::make_unique<AddOne>(&seen, &outcome));
  hooks.Append(std::make_unique<ControlVariatesHook>());
  Open(&hooks);
  const std::string before = Hash();
  Merge(1, {"words-0"}, 0.5F);
  EXPECT_EQ(ModelHash(outcome.before), before);
  ASSERT_EQ(outcome.updates.size(), 1u);
  EXPECT_EQ(outcome.updates[0].record.samples, 10u);
  ASSERT_EQ(outcome.plan->at("words")[0].size(), 1u);
  EXPECT_EQ(outcome.plan->at("words")[0][0].coefficient, 1) << "among those that reported";
  EXPECT_TRUE(outcome.plan->at("pictures")[0].empty());
  // One of the two clients that the run expects has sent 0.5.
  const std::string name = ControlOf("norm.weight");
  EXPECT_EQ(outcome.summed.at("words").Find(name)->values[0], 0.25F);
  Commit(1);
  const auto stored = store_->LoadLast();
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->auxiliary.at("words").Find(name)->values[0], 0.25F);
  EXPECT_EQ(stored->auxiliary.at("pictures").Find(name)->values[0], 0);
}

TEST_F(RunModelsTest, AfterARestartTheModelsAreThoseOfTheLastCommit) {
  config_.wire.download_delta = Codec::kInt8Block;
  Open(&plain_);
  Merge(1, {"words-0", "pictures-0"});
  Commit(1);
  const std::string hash = Hash();
  const auto published = models_->published().at("words").whole;
  ASSERT_NE(models_->published().at("words").delta, nullptr);
  Merge(2, {"words-1"});  // and then the process dies
  Open(&plain_);
  EXPECT_EQ(Hash(), hash);
  EXPECT_EQ(models_->published().at("words").whole->version(), published->version());
  EXPECT_EQ(models_->published().at("words").delta, nullptr);
  Merge(2, {"words-1"});
  Commit(2);
  EXPECT_EQ(models_->published().at("words").delta->version().base, published->version().version);
}

TEST_F(RunModelsTest, AClientThatStillReadsAModelKeepsItAsItWas) {
  config_.wire.download = Codec::kF32;
  config_.server.listen = "127.0.0.1:0";  // f32 goes plain: chunks refer to the globals' values
  Open(&plain_);
  const auto reading = models_->published().at("words").whole;
  std::vector<std::string> before;
  for (const absl::Cord& chunk : reading->chunks()) before.emplace_back(chunk);
  Merge(1, {"words-0"});
  Commit(1);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(reading->chunks()[i] == before[i]) << i;
  }
}

TEST_F(RunModelsTest, ARoundThatIsGivenUpLeavesNothingInTheSums) {
  Open(&plain_);
  Merge(1, {"words-0"}, 0.5F, /*keep=*/false);
  const std::string hash = Hash();
  Open(&plain_);  // round 1 was not committed
  const std::unique_ptr<Aggregator> given_up = models_->NewAggregator(cohort_, false);
  StateDict delta = models_->models().globals.at("words");
  ASSERT_TRUE(AddWhole(cohort_[1], *EncodedState::Encode(delta, Codec::kF32, 1 << 12, 1),
                       std::make_unique<Spool>(scratch_ / "given-up", &budget_), given_up.get())
                  .ok());
  models_->TakeBack(given_up.get());
  Merge(1, {"words-0"}, 0.5F, /*keep=*/false);
  EXPECT_EQ(Hash(), hash);
}

TEST_F(RunModelsTest, SpoiledSumsAreNotMerged) {
  Open(&plain_);
  const std::string hash = Hash();
  const std::unique_ptr<Aggregator> aggregator = models_->NewAggregator(cohort_, true);
  SpoolBudget nothing(0);
  const auto encoded =
      EncodedState::Encode(models_->models().globals.at("words"), Codec::kF32, 1 << 12, 1);
  const std::string path = scratch_ / "spoiled";
  ASSERT_TRUE(
      AddWhole(cohort_[1], *encoded, std::make_unique<Spool>(path, &nothing), aggregator.get())
          .ok());
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE(models_
                   ->Merge({.round = 1,
                            .updates = {{.client = cohort_[1].client,
                                         .modality = cohort_[1].modality,
                                         .record = {.dataset = cohort_[1].dataset}}},
                            .aggregator = aggregator.get(),
                            .timings = &timings_})
                   .ok());
  EXPECT_EQ(Hash(), hash);
}

TEST_F(RunModelsTest, EvaluatesEachFewRoundsAndTheLast) {
  config_.rounds = 5;
  config_.evaluation.every = 2;
  Open(&plain_);
  EXPECT_FALSE(models_->Evaluates(1));
  EXPECT_TRUE(models_->Evaluates(2));
  EXPECT_TRUE(models_->Evaluates(5));
  EXPECT_EQ(models_->Evaluate()->size(), 2u);
  Merge(1, {});
  EXPECT_EQ(Commit(1).model_hash, "") << "hashed only where it is evaluated";
}

}  // namespace
}  // namespace tributary
