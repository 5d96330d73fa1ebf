// What a run store makes of a crash, and of files that are not as they were left.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "server/store/run_store.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ModelSet Models(float value) {
  ModelSet models;
  for (const char* target : {"img", "txt"}) {
    EXPECT_TRUE(models.globals[target].Add("w", {{3}, {value, value + 1, value + 2}}).ok());
  }
  EXPECT_TRUE(models.auxiliary["img"].Add("w.aux_weight", {{1}, {-value}}).ok());
  return models;
}

RoundRecord Record(int round) {
  RoundRecord record;
  record.round = round;
  return record;
}

class RunStoreRecoveryTest : public testing::Test {
 protected:
  static std::unique_ptr<RunStore> Open(const std::string& folder) {
    auto store = RunStore::Open(folder);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  std::unique_ptr<RunStore> Open() const { return Open(folder_); }
  static absl::Status Commit(RunStore* store, int round) {
    return store->Commit(Record(round), Models(static_cast<float>(round)), absl::UnixEpoch());
  }
  // The folder as a machine that lost its power in this instant would find it.
  std::string Crashed() {
    std::string copy = scratch_ / absl::StrCat("crashed-", ++copies_);
    fs::copy(folder_, copy, fs::copy_options::recursive);
    return copy;
  }
  // What the crashed coordinator comes back with; -1: nothing.
  static float Recovered(const std::string& folder) {
    const auto store = Open(folder);
    const auto models = store->LoadLast();
    return models.ok() ? models->globals.at("img").Find("w")->values[0] : -1;
  }
  std::string Checkpoint(int round) const {
    return absl::StrCat(folder_, "/checkpoints/round-00000", round);
  }
  // Runs SQL behind the store's back, and gives the first column of each row.
  std::vector<std::string> Sql(const std::string& sql) const {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ + "/run.db").c_str(), &database), SQLITE_OK);
    std::vector<std::string> rows;
    const auto take = [](void* into, int, char** values, char**) {
      static_cast<std::vector<std::string>*>(into)->push_back(values[0]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), take, &rows, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
    return rows;
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "state";
  int copies_ = 0;
};

TEST_F(RunStoreRecoveryTest, ACrashLeavesTheLastCommit) {
  const auto store = Open();
  EXPECT_EQ(Recovered(Crashed()), -1);
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  EXPECT_EQ(Recovered(Crashed()), 1);
  const auto globals = store->StageGlobals(2, Models(2).globals);
  EXPECT_EQ(Recovered(Crashed()), 1) << "while models are written";
  const auto staged = store->Stage(3, Models(3));
  ASSERT_TRUE(staged.ok()) << staged.status();
  EXPECT_EQ(Recovered(Crashed()), 1) << "before the commit";
  ASSERT_TRUE(store->Commit(Record(3), *staged, absl::UnixEpoch()).ok());
  EXPECT_EQ(Recovered(Crashed()), 3);
}

TEST_F(RunStoreRecoveryTest, AfterACrashTheRunGoesOn) {
  {
    const auto store = Open();
    ASSERT_TRUE(Commit(store.get(), 1).ok());
    ASSERT_TRUE(store->Stage(2, Models(2)).ok());
  }
  const std::string crashed = Crashed();
  const auto store = Open(crashed);
  for (int round = 2; round <= 5; ++round) ASSERT_TRUE(Commit(store.get(), round).ok()) << round;
  EXPECT_EQ(*store->LastRound(), 5);
  EXPECT_EQ(store->LoadLast()->globals.at("txt").Find("w")->values[2], 7);
}

TEST_F(RunStoreRecoveryTest, ARoundIsCommittedOnce) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  const auto staged = store->Stage(1, Models(9));
  ASSERT_TRUE(staged.ok()) << staged.status();
  const absl::Status again = store->Commit(Record(1), *staged, absl::UnixEpoch());
  EXPECT_FALSE(again.ok());
  EXPECT_THAT(std::string(again.message()), HasSubstr("cannot commit round 1"));
  EXPECT_EQ(store->History()->size(), 1u);
}

TEST_F(RunStoreRecoveryTest, AModelFileThatIsNotAsItWasIsDataLoss) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  for (const char* name : {"img.safetensors", "txt.safetensors", "img@auxiliary.safetensors"}) {
    const std::string path = absl::StrCat(Checkpoint(1), "/", name);
    const std::string whole = *ReadFile(path);
    for (const std::string& other : {std::string(), whole.substr(0, whole.size() - 1), whole + "x",
                                     std::string(whole.size(), 'x')}) {
      std::ofstream(path, std::ios::binary | std::ios::trunc) << other;
      const absl::Status status = store->LoadLast().status();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << other.size();
      EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
    EXPECT_TRUE(store->LoadLast().ok());
  }
}

TEST_F(RunStoreRecoveryTest, AModelFileThatIsGoneIsNamed) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  fs::remove(Checkpoint(1) + "/txt.safetensors");
  const absl::Status status = store->LoadLast().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(Checkpoint(1) + "/txt.safetensors"));
}

TEST_F(RunStoreRecoveryTest, DamageOfAnEarlierCheckpointDoesNotMatter) {
  const auto store = Open();
  for (int round = 1; round <= 2; ++round) ASSERT_TRUE(Commit(store.get(), round).ok());
  std::ofstream(Checkpoint(1) + "/img.safetensors") << "rubbish";
  EXPECT_TRUE(store->LoadLast().ok());
  EXPECT_TRUE(Commit(store.get(), 3).ok());
}

TEST_F(RunStoreRecoveryTest, ADatabaseOfAVersionFromTheFutureIsRefused) {
  Open();
  Sql("PRAGMA user_version = 3");
  const absl::Status status = RunStore::Open(folder_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema version 3"));
  Sql("PRAGMA user_version = 2");
  EXPECT_TRUE(RunStore::Open(folder_).ok()) << "and is left as it was, unlocked";
}

TEST_F(RunStoreRecoveryTest, ADamagedPageOfTheDatabaseIsDataLoss) {
  {
    const auto store = Open();
    ASSERT_TRUE(store->SetIdentity({"id", "name", std::string(20'000, 'f')}).ok());
    ASSERT_TRUE(Commit(store.get(), 1).ok());
  }
  const auto size = fs::file_size(folder_ + "/run.db");
  ASSERT_GT(size, 3 * 4096u);
  {
    std::fstream file(folder_ + "/run.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(size - 4096, '\x7f');
  }
  auto store = RunStore::Open(folder_);
  const absl::Status status = store.ok() ? (*store)->Identity().status() : store.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(RunStoreRecoveryTest, AFileInTheFoldersPlaceIsReported) {
  std::ofstream(folder_) << "x";
  const absl::Status status = RunStore::Open(folder_).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder_));
}

TEST_F(RunStoreRecoveryTest, TheLockGoesWithTheStore) {
  auto first = Open();
  const absl::Status second = RunStore::Open(folder_).status();
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use by another coordinator"));
  first.reset();
  EXPECT_TRUE(RunStore::Open(folder_).ok());
}

TEST_F(RunStoreRecoveryTest, TransitionsAreKeptInTheirOrder) {
  {
    const auto store = Open();
    const absl::Time start = absl::FromUnixMillis(1'000);
    ASSERT_TRUE(store->RecordTransition(start, 1, 1, "waiting", "for 2 of 8").ok());
    ASSERT_TRUE(store->RecordTransition(start, 1, 2, "running", "it's \"time\"").ok());
    ASSERT_TRUE(store->RecordTransition(start + absl::Seconds(1), 1, 2, "done", "").ok());
  }
  EXPECT_THAT(Sql("SELECT phase FROM transitions ORDER BY sequence"),
              ElementsAre("waiting", "running", "done"));
  EXPECT_THAT(Sql("SELECT reason FROM transitions WHERE attempt = 2 ORDER BY sequence"),
              ElementsAre("it's \"time\"", ""));
  EXPECT_THAT(Sql("SELECT unix_ms FROM transitions ORDER BY sequence"),
              ElementsAre("1000", "1000", "2000"));
}

TEST_F(RunStoreRecoveryTest, ACommitCarriesTheTransitionsBeforeIt) {
  const auto store = Open();
  ASSERT_TRUE(store->RecordTransition(absl::UnixEpoch(), 1, 1, "merging", "").ok());
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  const std::string crashed = Crashed();
  Open(crashed);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((crashed + "/run.db").c_str(), &database), SQLITE_OK);
  int rows = 0;
  const auto count = [](void* into, int, char**, char**) {
    ++*static_cast<int*>(into);
    return 0;
  };
  sqlite3_exec(database, "SELECT * FROM transitions", count, &rows, nullptr);
  sqlite3_close(database);
  EXPECT_EQ(rows, 1);
}

TEST_F(RunStoreRecoveryTest, ARecordComesBackWhole) {
  RoundRecord record = Record(7);
  record.attempt = 3;
  record.seconds = 12.25;
  record.bytes_up = uint64_t{5} << 40;
  record.bytes_down = 17;
  record.model_hash = "abc";
  record.tasks["img"].samples = 40;
  record.tasks["img"].classification = ClassificationMetrics{.accuracy = 61.5};
  record.updates["site-1"].dataset = "img";
  record.updates["site-1"].loss = 0.5;
  record.updates["site-1"].samples = 9;
  {
    const auto store = Open();
    ASSERT_TRUE(store->Commit(record, Models(7), absl::UnixEpoch()).ok());
  }
  const auto history = Open()->History();
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->size(), 1u);
  const RoundRecord& back = history->front();
  EXPECT_EQ(back.round, 7);
  EXPECT_EQ(back.attempt, 3);
  EXPECT_EQ(back.seconds, 12.25);
  EXPECT_EQ(back.bytes_up, uint64_t{5} << 40);
  EXPECT_EQ(back.bytes_down, 17u);
  EXPECT_EQ(back.model_hash, "abc");
  EXPECT_EQ(TasksToJson(back.tasks), TasksToJson(record.tasks));
  EXPECT_EQ(UpdatesToJson(back.updates), UpdatesToJson(record.updates));
}

TEST_F(RunStoreRecoveryTest, TheInitialModelsAreNoRoundOfTheHistory) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 0).ok());
  EXPECT_EQ(*store->LastRound(), 0);
  EXPECT_THAT(*store->History(), IsEmpty());
  EXPECT_EQ(store->LoadLast()->globals.size(), 2u);
  EXPECT_EQ(store->LoadLast()->auxiliary.size(), 1u);
}

TEST_F(RunStoreRecoveryTest, RoundsAreNumbersAndNotText) {
  const auto store = Open();
  for (const int round : {8, 9, 10, 11}) ASSERT_TRUE(Commit(store.get(), round).ok());
  std::vector<int> rounds;
  const auto history = store->History();
  for (const RoundRecord& record : *history) rounds.push_back(record.round);
  EXPECT_THAT(rounds, ElementsAre(8, 9, 10, 11));
  EXPECT_EQ(*store->LastRound(), 11);
}

TEST_F(RunStoreRecoveryTest, EveryValueAndOrderOfAModelComesBack) {
  ModelSet models;
  StateDict& state = models.globals["img"];
  ASSERT_TRUE(state.Add("z", {{2, 2}, {1e-38F, -0.0F, 3.4e38F, 0.1F}}).ok());
  ASSERT_TRUE(state.Add("a", {{}, {7}}).ok());
  ASSERT_TRUE(state.Add("empty", {{0, 5}, {}}).ok());
  const auto store = Open();
  ASSERT_TRUE(store->Commit(Record(1), models, absl::UnixEpoch()).ok());
  const auto loaded = store->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(Manifest::Of(loaded->globals.at("img")), Manifest::Of(state));
  EXPECT_EQ(ModelHash(loaded->globals), ModelHash(models.globals));
}

TEST_F(RunStoreRecoveryTest, AModelThatIsNoLongerThereIsNotLoaded) {
  const auto store = Open();
  ASSERT_TRUE(Commit(store.get(), 1).ok());
  ModelSet fewer = Models(2);
  fewer.globals.erase("txt");
  fewer.auxiliary.clear();
  ASSERT_TRUE(store->Commit(Record(2), fewer, absl::UnixEpoch()).ok());
  const auto loaded = store->LoadLast();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->globals.size(), 1u);
  EXPECT_THAT(loaded->auxiliary, IsEmpty());
}

}  // namespace
}  // namespace tributary
