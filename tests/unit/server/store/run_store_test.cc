#include "server/store/run_store.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

ModelSet Models(float value) {
  ModelSet models;
  EXPECT_TRUE(models.globals["img"].Add("w", {{2}, {value, value}}).ok());
  EXPECT_TRUE(models.auxiliary["img"].Add("w.aux_weight", {{1}, {-value}}).ok());
  return models;
}

RoundRecord Record(int round) {
  RoundRecord record;
  record.round = round;
  record.seconds = 1.5;
  record.bytes_up = 10;
  record.model_hash = "hash";
  record.tasks["img"].classification.emplace().accuracy = 50;
  return record;
}

class RunStoreTest : public testing::Test {
 protected:
  std::unique_ptr<RunStore> Open() {
    auto store = RunStore::Open(folder_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  absl::Status Commit(RunStore* store, int round) {
    return store->Commit(Record(round), Models(static_cast<float>(round)), absl::UnixEpoch());
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "state";
};

TEST_F(RunStoreTest, ANewFolderHoldsNothing) {
  const auto store = Open();
  EXPECT_EQ(*store->LastRound(), std::nullopt);
  EXPECT_FALSE(store->Identity()->has_value());
  EXPECT_EQ(store->LoadLast().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunStoreTest, WhatWasCommittedIsThereAfterReopening) {
  {
    const auto store = Open();
    ASSERT_TRUE(store->SetIdentity({"id", "name", "{}"}).ok());
    for (int round = 0; round <= 3; ++round) ASSERT_TRUE(Commit(store.get(), round).ok());
  }
  const auto store = Open();
  EXPECT_EQ((*store->Identity())->run_id, "id");
  EXPECT_EQ(*store->LastRound(), 3);
  const auto models = store->LoadLast();
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->globals.at("img").Find("w")->values[0], 3);
  EXPECT_EQ(models->auxiliary.at("img").Find("w.aux_weight")->values[0], -3);
  const auto history = store->History();
  ASSERT_EQ(history->size(), 3u);
  EXPECT_EQ((*history)[2].round, 3);
  EXPECT_EQ((*history)[2].tasks.at("img").classification->accuracy, 50.0);
}

// Dataset names may hold dots: names that look like the store's own are told apart from them.
TEST_F(RunStoreTest, ADatasetMayBeNamedLikeFilesOfAnother) {
  ModelSet models = Models(1);
  models.globals["img.auxiliary"] = Models(2).globals.at("img");
  models.globals["img.published"] = Models(3).globals.at("img");
  {
    const auto store = Open();
    ASSERT_TRUE(store->Commit(Record(1), models, absl::UnixEpoch()).ok());
  }
  const auto loaded = Open()->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->globals.size(), models.globals.size());
  EXPECT_EQ(loaded->globals.at("img.auxiliary").Find("w")->values[0], 2);
  EXPECT_EQ(loaded->globals.at("img.published").Find("w")->values[0], 3);
  EXPECT_EQ(loaded->auxiliary.size(), models.auxiliary.size());
  EXPECT_EQ(loaded->auxiliary.at("img").Find("w.aux_weight")->values[0], -1);
}

TEST_F(RunStoreTest, WhatClientsHoldIsLoadedAsItWasPublished) {
  const auto store = Open();
  ModelSet models = Models(1);
  const auto published = EncodedState::Encode(models.globals["img"], Codec::kF16, 1 << 20, 1);
  models.published["img"] = published;
  ASSERT_TRUE(store->Commit(Record(1), models, absl::UnixEpoch()).ok());
  const auto loaded = store->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->published.at("img")->version(), published->version());
  EXPECT_EQ(loaded->published.at("img")->chunks(), published->chunks());

  const std::string path = folder_ + "/checkpoints/round-000001/img.published.chunks";
  std::string content = *ReadFile(path);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  const auto damaged = store->LoadLast();
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(damaged.status().message().find("img.published.chunks"), std::string::npos);
}

TEST_F(RunStoreTest, TheMethodsStateIsCommittedAndCheckedAsTheModelsAre) {
  EXPECT_EQ(StateKey("adam", "img"), "adam+img");
  {
    const auto store = Open();
    ModelSet models = Models(1);
    ASSERT_TRUE(models.state[StateKey("adam", "img")].Add("m.w", {{2}, {3, 4}}).ok());
    ASSERT_TRUE(models.state[StateKey("adam", "")].Add("steps", {{1}, {5}}).ok());
    ASSERT_TRUE(models.state[StateKey("adam", "auxiliary")].Add("m.w", {{1}, {7}}).ok());
    ASSERT_TRUE(store->Commit(Record(1), models, absl::UnixEpoch()).ok());
  }
  const auto store = Open();
  const auto loaded = store->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->state.size(), 3u);
  EXPECT_EQ(loaded->state.at("adam+img").Find("m.w")->values, (std::vector<float>{3, 4}));
  EXPECT_EQ(loaded->state.at("adam+").Find("steps")->values[0], 5);
  EXPECT_EQ(loaded->state.at("adam+auxiliary").Find("m.w")->values[0], 7);
  EXPECT_EQ(loaded->globals.size(), 1u);
  EXPECT_EQ(loaded->auxiliary.size(), 1u);

  const std::string path = folder_ + "/checkpoints/round-000001/adam+img.safetensors";
  std::string content = *ReadFile(path);
  content.back() = static_cast<char>(content.back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  const auto damaged = store->LoadLast();
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(damaged.status().message().find("adam+img"), std::string::npos);
}

TEST_F(RunStoreTest, WhatIsStagedCountsOnlyOnceItIsCommitted) {
  {
    const auto store = Open();
    ASSERT_TRUE(Commit(store.get(), 1).ok());
    ASSERT_TRUE(store->Stage(2, Models(2)).ok());
    EXPECT_TRUE(fs::exists(folder_ + "/checkpoints/round-000002"));
    EXPECT_EQ(*store->LastRound(), 1);
  }
  const auto store = Open();
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 1);
  const auto staged = store->Stage(2, Models(2));
  ASSERT_TRUE(staged.ok()) << staged.status();
  ASSERT_TRUE(store->Commit(Record(2), *staged, absl::UnixEpoch()).ok());
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 2);
}

TEST_F(RunStoreTest, GlobalsMayBeWrittenWhileTheyAreMade) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  ModelSet models = Models(2);
  Tensor& last = models.globals.at("img")[models.globals.at("img").size() - 1].tensor;
  struct LastIsPending : PendingTensors {
    void Await(const Tensor& tensor) override {
      if (&tensor == last) last->values.back() = 7;
    }
    Tensor* last = nullptr;
  } pending;
  pending.last = &last;
  auto globals = store->StageGlobals(2, models.globals, &pending);
  const auto staged = store->StageRest(2, models, std::move(globals));
  ASSERT_TRUE(staged.ok()) << staged.status();
  ASSERT_TRUE(store->Commit(Record(2), *staged, absl::UnixEpoch()).ok());
  const auto loaded = store->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const StateDict& img = loaded->globals.at("img");
  EXPECT_EQ(img[img.size() - 1].tensor.values, last.values);
}

TEST_F(RunStoreTest, GlobalsThatCannotBeWrittenLeaveNothingBehind) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  // /dev/full takes no byte: writing through a link to it fails as a full disk does.
  const std::string round = folder_ + "/checkpoints/round-000002";
  fs::create_directories(round);
  fs::create_symlink("/dev/full", round + "/img.safetensors.part");
  const auto staged = store->StageRest(2, Models(2), store->StageGlobals(2, Models(2).globals));
  EXPECT_EQ(staged.status().code(), absl::StatusCode::kResourceExhausted) << staged.status();
  EXPECT_FALSE(fs::exists(round));
  EXPECT_EQ(*store->LastRound(), 1);
}

TEST_F(RunStoreTest, GlobalsThatNobodyGoesOnWithLeaveNothingBehind) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  ASSERT_TRUE(store->StageGlobals(2, Models(2).globals).ok());
  EXPECT_FALSE(fs::exists(folder_ + "/checkpoints/round-000002/img.safetensors"));
  ASSERT_TRUE(Commit(store.get(), 2).ok());
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 2);
}

TEST_F(RunStoreTest, KeepsTheTwoNewestCheckpoints) {
  const auto store = Open();
  for (int round = 0; round <= 4; ++round) ASSERT_TRUE(Commit(store.get(), round).ok());
  EXPECT_FALSE(fs::exists(folder_ + "/checkpoints/round-000002"));
  EXPECT_TRUE(fs::exists(folder_ + "/checkpoints/round-000003"));
  EXPECT_TRUE(fs::exists(folder_ + "/checkpoints/round-000004"));
}

TEST_F(RunStoreTest, KeepsAsManyCheckpointsAsItIsTold) {
  const auto store = Open();
  store->KeepCheckpoints(4);
  for (int round = 0; round <= 6; ++round) ASSERT_TRUE(Commit(store.get(), round).ok());
  EXPECT_EQ(*store->Checkpoints(), (std::set<int>{3, 4, 5, 6}));
  EXPECT_EQ(store->Load(3)->globals.at("img").Find("w")->values[0], 3);
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 6);
  EXPECT_FALSE(fs::exists(folder_ + "/checkpoints/round-000002"));
  store->KeepCheckpoints(2);
  ASSERT_TRUE(Commit(store.get(), 7).ok());
  EXPECT_EQ(*store->Checkpoints(), (std::set<int>{6, 7}));
  EXPECT_FALSE(fs::exists(folder_ + "/checkpoints/round-000003"));
}

TEST_F(RunStoreTest, WritesOverTheFilesOfTheCheckpointThatWasForgotten) {
  const auto store = Open();
  for (int round = 0; round <= 3; ++round) ASSERT_TRUE(Commit(store.get(), round).ok());
  const std::string spare = folder_ + "/checkpoints/spare/img.safetensors";
  struct stat before, after;
  ASSERT_EQ(stat(spare.c_str(), &before), 0);
  ASSERT_TRUE(Commit(store.get(), 4).ok());
  ASSERT_EQ(stat((folder_ + "/checkpoints/round-000004/img.safetensors").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 4);
}

TEST_F(RunStoreTest, AFailedCommitLeavesTheOneBefore) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  // A file where the next checkpoint's folder would go.
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/checkpoints/round-000002", "in the way").ok());
  EXPECT_FALSE(Commit(store.get(), 2).ok());
  EXPECT_EQ(*store->LastRound(), 1);
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 1);
  ASSERT_TRUE(Commit(store.get(), 2).ok())
      << "what was in the way is removed with the failed commit";
}

TEST_F(RunStoreTest, ACommitThatTheDatabaseRefusesLeavesItFitForTheNext) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  EXPECT_FALSE(Commit(store.get(), 1).ok()) << "a round is committed once";
  ASSERT_TRUE(Commit(store.get(), 2).ok()) << "no transaction may be left open";
  EXPECT_EQ(*store->LastRound(), 2);
}

TEST_F(RunStoreTest, FilesThatNoTransactionNamesAreRemoved) {
  {
    const auto store = Open();
    ASSERT_TRUE(Commit(store.get(), 1).ok());
  }
  fs::create_directories(folder_ + "/checkpoints/round-000002");
  Open();
  EXPECT_FALSE(fs::exists(folder_ + "/checkpoints/round-000002"));
  EXPECT_TRUE(fs::exists(folder_ + "/checkpoints/round-000001"));
}

TEST_F(RunStoreTest, ADamagedModelFileIsNamed) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  const std::string path = folder_ + "/checkpoints/round-000001/img.safetensors";
  std::string content = *ReadFile(path);
  content.back() = static_cast<char>(content.back() ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  const auto models = store->LoadLast();
  EXPECT_EQ(models.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(models.status().message().find("img.safetensors"), std::string::npos);
}

TEST_F(RunStoreTest, AFolderOfTheVersionBeforeIsReadAndGoesOn) {
  const std::string path = folder_ + "/checkpoints/round-000001/img.safetensors";
  {
    const auto store = Open();
    ASSERT_TRUE(Commit(store.get(), 1).ok());
  }
  // As the version before wrote it.
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ + "/run.db").c_str(), &database), SQLITE_OK);
  const std::string script = absl::StrCat(
      "ALTER TABLE files RENAME COLUMN checksum TO sha256;"
      "UPDATE files SET sha256 = '",
      *Sha256OfFile(path), "' WHERE name = 'img.safetensors'; PRAGMA user_version = 1;");
  EXPECT_EQ(sqlite3_exec(database, script.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  {
    const auto store = Open();
    ASSERT_TRUE(store->LoadLast().ok()) << store->LoadLast().status();
    const std::string whole = *ReadFile(path);
    ASSERT_TRUE(WriteFileAtomically(path, whole + "x").ok());
    EXPECT_EQ(store->LoadLast().status().code(), absl::StatusCode::kDataLoss);
    ASSERT_TRUE(WriteFileAtomically(path, whole).ok());
    ASSERT_TRUE(Commit(store.get(), 2).ok());
  }
  const auto store = Open();
  EXPECT_EQ(store->LoadLast()->globals.at("img").Find("w")->values[0], 2);
}

TEST_F(RunStoreTest, TwoCoordinatorsCannotShareAFolder) {
  const auto store = Open();
  EXPECT_EQ(RunStore::Open(folder_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunStoreTest, ADamagedDatabaseIsReported) {
  fs::create_directories(folder_);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/run.db", std::string(8192, 'x')).ok());
  EXPECT_EQ(RunStore::Open(folder_).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tributary
