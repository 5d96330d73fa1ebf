#include "server/round/best_models.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Of a round in which `words` was evaluated; nothing: it was not.
RoundRecord Record(int round, std::optional<double> accuracy) {
  RoundRecord record;
  record.round = round;
  if (!accuracy.has_value()) return record;
  record.model_hash = absl::StrCat("hash ", round);
  record.tasks["words"].classification.emplace().accuracy = *accuracy;
  record.tasks["words"].classification->loss = 100 - *accuracy;
  return record;
}

ModelSet Models(int round) {
  ModelSet models;
  for (const char* name : {"pictures", "words"}) {
    EXPECT_TRUE(models.globals[name].Add("w", {{1}, {static_cast<float>(round)}}).ok());
  }
  return models;
}

class BestModelsTest : public testing::Test {
 protected:
  BestModelsTest() { Configure("words.accuracy", 2); }

  void Configure(const std::string& best, int patience) {
    RunConfig config = TinyConfig();
    config.evaluation.best = best;
    config.evaluation.patience = patience;
    context_ = TinyContext(config);
    best_ = std::make_unique<BestModels>(&context_, store_.get());
  }
  // As after a restart.
  absl::Status Reopen() {
    best_ = std::make_unique<BestModels>(&context_, store_.get());
    return best_->Open(*store_->History());
  }
  void CommitOnly(int round, std::optional<double> accuracy) {
    ASSERT_TRUE(store_->Commit(Record(round, accuracy), Models(round), absl::UnixEpoch()).ok());
  }
  void Round(int round, std::optional<double> accuracy) {
    CommitOnly(round, accuracy);
    const auto taken = best_->Take(Record(round, accuracy), Models(round));
    ASSERT_TRUE(taken.ok()) << taken.status();
  }
  // The round that best/ holds by its own word, 0 if it is not there; checks its models too.
  int Kept() const {
    const auto text = ReadFile(folder_ + "/best/best.json");
    if (!text.ok()) return 0;
    const int round = nlohmann::json::parse(*text)["round"];
    for (const char* name : {"pictures", "words"}) {
      const auto state = ReadSafetensors(absl::StrCat(folder_, "/best/", name, ".safetensors"));
      EXPECT_TRUE(state.ok()) << state.status();
      if (!state.ok()) continue;
      EXPECT_EQ(state->Find("w")->values[0], static_cast<float>(round));
    }
    EXPECT_FALSE(fs::exists(folder_ + "/best.part"));
    EXPECT_FALSE(fs::exists(folder_ + "/best.old"));
    return round;
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "state";
  std::unique_ptr<RunStore> store_ = *RunStore::Open(folder_);
  RunContext context_;
  std::unique_ptr<BestModels> best_;
};

TEST_F(BestModelsTest, KeepsTheBestRoundAndTellsOfIt) {
  ASSERT_TRUE(best_->Open({}).ok());
  EXPECT_TRUE(best_->ToJson().is_null());
  Round(1, 40);
  EXPECT_EQ(Kept(), 1);
  Round(2, 60);
  EXPECT_EQ(Kept(), 2);
  Round(3, 50);
  Round(4, 60);
  EXPECT_EQ(Kept(), 2) << "an equal one is no better";
  EXPECT_EQ(
      best_->ToJson(),
      nlohmann::json(
          {{"round", 2}, {"metric", "words.accuracy"}, {"value", 60.0}, {"model_hash", "hash 2"}}));
  EXPECT_EQ(nlohmann::json::parse(*ReadFile(folder_ + "/best/best.json")), best_->ToJson());
}

TEST_F(BestModelsTest, OfALossTheLowestIsTheBest) {
  Configure("words.loss", 0);
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 40);
  Round(2, 60);
  Round(3, 50);
  EXPECT_EQ(Kept(), 2);
  EXPECT_EQ(best_->best()->value, 40);
}

TEST_F(BestModelsTest, WithoutTheKeyNothingHappens) {
  Configure("", 0);
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 40);
  EXPECT_FALSE(fs::exists(folder_ + "/best"));
  EXPECT_TRUE(best_->ToJson().is_null());
  EXPECT_FALSE(best_->ReasonToStop().has_value());
}

TEST_F(BestModelsTest, EndsAfterSoManyEvaluationsWithoutABetterOne) {
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 60);
  Round(2, 50);
  Round(3, std::nullopt);
  EXPECT_FALSE(best_->ReasonToStop().has_value()) << "one evaluation, and a round without";
  Round(4, 61);
  Round(5, 50);
  EXPECT_FALSE(best_->ReasonToStop().has_value()) << "it has improved";
  Round(6, 50);
  ASSERT_TRUE(best_->ReasonToStop().has_value());
  EXPECT_THAT(*best_->ReasonToStop(),
              AllOf(HasSubstr("words.accuracy"), HasSubstr("61 of round 4"),
                    HasSubstr("2 evaluations"), HasSubstr("evaluation.patience = 2")));
  ASSERT_TRUE(Reopen().ok());
  EXPECT_TRUE(best_->ReasonToStop().has_value()) << "also after a restart";
  Round(7, std::nullopt);
  EXPECT_FALSE(best_->ReasonToStop().has_value()) << "the last models must be evaluated ones";
}

TEST_F(BestModelsTest, AKillBetweenCommitAndBestChangesNothing) {
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 40);
  CommitOnly(2, 60);
  EXPECT_EQ(Kept(), 1);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2);
  EXPECT_EQ(best_->best()->model_hash, "hash 2");
  CommitOnly(3, 50);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2) << "the last is not the best";
  for (int round = 4; round <= 8; ++round) Round(round, 45);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2) << "its checkpoint is gone, best/ is not";
}

TEST_F(BestModelsTest, AKillWhileBestIsPutInPlaceIsMended) {
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 40);
  // While the new files are written.
  CommitOnly(2, 60);
  fs::copy(folder_ + "/best", folder_ + "/best.part");
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2);
  // Between the two renames, the new round being the last: the old one is under another name.
  CommitOnly(3, 70);
  fs::rename(folder_ + "/best", folder_ + "/best.old");
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 3);
  // Before the old one is removed.
  fs::copy(folder_ + "/best", folder_ + "/best.old");
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 3);
}

TEST_F(BestModelsTest, ARunThatAsksForItLateBeginsWithTheCheckpointsThatAreLeft) {
  CommitOnly(1, 90);
  CommitOnly(2, 40);
  CommitOnly(3, 30);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2) << "the models of round 1 are gone";
}

TEST_F(BestModelsTest, AnotherMetricChoosesAnew) {
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 60);
  Round(2, 50);
  Round(3, 40);
  Configure("words.loss", 0);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Kept(), 2) << "round 1 was the best of another metric";
}

TEST_F(BestModelsTest, ARoundWithoutTheMetricIsAnErrorThatNamesWhatThereIs) {
  Configure("words.auroc", 0);
  ASSERT_TRUE(best_->Open({}).ok());
  const auto taken = best_->Take(Record(1, 40), Models(1));
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(taken.status().message()),
              AllOf(HasSubstr("words.auroc"), HasSubstr("accuracy, loss")));
}

TEST_F(BestModelsTest, ADamagedRecordIsNamed) {
  ASSERT_TRUE(best_->Open({}).ok());
  Round(1, 40);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/best/best.json", "{\"round\": 1").ok());
  const absl::Status status = Reopen();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("best/best.json"));
}

}  // namespace
}  // namespace tributary
