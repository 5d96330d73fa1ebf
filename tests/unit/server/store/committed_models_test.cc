#include "server/store/committed_models.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "server/store/run_store.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class CommittedModelsTest : public testing::Test {
 protected:
  // Values of a round's models are its number.
  static void Commit(RunStore* store, int round) {
    ModelSet models;
    const auto value = static_cast<float>(round);
    for (const char* name : {"img", "txt"}) {
      ASSERT_TRUE(models.globals[name].Add("w", {{2}, {value, value}}).ok());
    }
    ASSERT_TRUE(models.auxiliary["img"].Add("w.aux_weight", {{1}, {value}}).ok());
    RoundRecord record;
    record.round = round;
    ASSERT_TRUE(store->Commit(record, models, absl::UnixEpoch()).ok());
  }
  absl::StatusOr<CommittedModel> Read(std::optional<int> round = std::nullopt) const {
    return ReadCommittedModel(folder_, "img", round);
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "state";
  std::unique_ptr<RunStore> store_ = *RunStore::Open(folder_);
};

TEST_F(CommittedModelsTest, TheLastRoundIsReadBesideItsCoordinator) {
  EXPECT_TRUE(HoldsRun(folder_));
  EXPECT_FALSE(HoldsRun(scratch_ / "nothing"));
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("no committed round yet"));
  for (const int round : {0, 1, 2}) Commit(store_.get(), round);
  auto model = Read();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->round, 2);
  EXPECT_EQ(model->global.Find("w")->values[0], 2);
  model = Read(1);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->global.Find("w")->values[0], 1);
}

TEST_F(CommittedModelsTest, AFolderWithoutItsCoordinatorIsReadTheSame) {
  Commit(store_.get(), 1);
  store_.reset();
  EXPECT_EQ(Read()->round, 1);
  namespace fs = std::filesystem;
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(Read()->round, 1) << "and one that cannot be written to";
  fs::permissions(folder_, fs::perms::owner_all);
}

TEST_F(CommittedModelsTest, WhatIsNotThereIsAnsweredWithWhatIs) {
  for (const int round : {0, 1, 2}) Commit(store_.get(), round);
  EXPECT_TRUE(absl::IsNotFound(Read(0).status()));
  EXPECT_THAT(std::string(Read(0).status().message()), HasSubstr("those of 1, 2"));
  const absl::Status other = ReadCommittedModel(folder_, "sounds", 2).status();
  EXPECT_TRUE(absl::IsNotFound(other));
  EXPECT_THAT(std::string(other.message()), HasSubstr("models of img, txt"));
}

TEST_F(CommittedModelsTest, ACheckpointThatIsDroppedWhileItIsReadIsAborted) {
  for (const int round : {0, 1}) Commit(store_.get(), round);
  int next = 2;
  const auto go_on = [&] {
    // Two commits: the checkpoint is dropped, and its files are written over.
    for (const int last = next + 2; next < last; ++next) Commit(store_.get(), next);
  };
  const absl::Status status = ReadCommittedModel(folder_, "img", 1, go_on).status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("round 1"));
}

TEST_F(CommittedModelsTest, TheLastRoundIsFollowedWhereTheRunIsFaster) {
  Commit(store_.get(), 0);
  int next = 1;
  const auto model = ReadCommittedModel(folder_, "img", std::nullopt, [&] {
    for (const int last = next == 1 ? 3 : next; next < last; ++next) Commit(store_.get(), next);
  });
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->round, 2);
  EXPECT_EQ(model->global.Find("w")->values[0], 2);
}

TEST_F(CommittedModelsTest, DamageIsTold) {
  Commit(store_.get(), 1);
  const std::string file = folder_ + "/checkpoints/round-000001/img.safetensors";
  std::string bytes = *ReadFile(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(file, bytes).ok());
  EXPECT_TRUE(absl::IsDataLoss(Read().status())) << Read().status();
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr(file));
}

TEST_F(CommittedModelsTest, AnotherSchemaIsRefused) {
  const std::string other = scratch_ / "other";
  ASSERT_TRUE(EnsureWritableFolder(other).ok());
  ASSERT_TRUE(WriteFileAtomically(other + "/run.db", "").ok());  // an empty database
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadCommittedModel(other, "img", 1).status()));
  ASSERT_TRUE(WriteFileAtomically(other + "/run.db", std::string(5000, 'x')).ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadCommittedModel(other, "img", 1).status()));
}

}  // namespace
}  // namespace tributary
