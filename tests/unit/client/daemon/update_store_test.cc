#include "client/daemon/update_store.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class UpdateStoreTest : public ::testing::Test {
 protected:
  UpdateStoreTest()
      : log_(std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_))) {}

  UpdateStore Open() { return UpdateStore(folder_.string(), log_); }

  static FinishedUpdate Update(uint32_t round) {
    StateDict state;
    Tensor tensor = Tensor::Zeros({3, 50});
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tensor.values[i] = static_cast<float>(round) + static_cast<float>(i) / 7;
    }
    EXPECT_TRUE(state.Add("w", std::move(tensor)).ok());
    FinishedUpdate update;
    update.round = round;
    update.samples = 11;
    update.manifest_digest = "digest";
    update.report.set_loss(0.1 + round);
    update.report.set_steps(9);
    update.state = EncodedState::Encode(state, Codec::kF32, 100, 1);
    return update;
  }

  // The only file that ends so.
  fs::path File(const std::string& ending) const {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (absl::EndsWith(entry.path().string(), ending)) return entry.path();
    }
    ADD_FAILURE() << "no file *" << ending;
    return {};
  }
  size_t FileCount() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static void FlipByte(const fs::path& path, size_t at) {
    std::string bytes = *ReadFile(path.string());
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    std::ofstream(path, std::ios::binary) << bytes;
  }

  const ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
  std::ostringstream lines_;
  std::shared_ptr<spdlog::logger> log_;
};

TEST_F(UpdateStoreTest, GivesBackWhatWasKeptAfterARestart) {
  const FinishedUpdate update = Update(4);
  ASSERT_TRUE(Open().Save("run", update).ok());
  UpdateStore store = Open();
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(4));
  const absl::StatusOr<FinishedUpdate> back = store.Load("run", 4, "digest");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->samples, 11u);
  EXPECT_EQ(back->report.SerializeAsString(), update.report.SerializeAsString());
  EXPECT_EQ(back->state->chunks(), update.state->chunks());
  EXPECT_THAT(lines_.str(), IsEmpty());
}

TEST_F(UpdateStoreTest, KeepsTheTwoLatestRounds) {
  UpdateStore store = Open();
  for (const uint32_t round : {1u, 2u, 9u, 10u}) {
    ASSERT_TRUE(store.Save("run", Update(round)).ok());
  }
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(9, 10));
  EXPECT_EQ(FileCount(), 4u);
}

TEST_F(UpdateStoreTest, AnEarlierRoundIsKeptInPlaceOfLaterOnes) {
  UpdateStore store = Open();
  for (const uint32_t round : {7u, 8u, 3u}) ASSERT_TRUE(store.Save("run", Update(round)).ok());
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(3));
}

TEST_F(UpdateStoreTest, ReplacesTheUpdateOfARound) {
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(3)).ok());
  FinishedUpdate again = Update(5);
  again.round = 3;
  ASSERT_TRUE(store.Save("run", again).ok());
  EXPECT_EQ(store.Load("run", 3, "digest")->state->chunks(), again.state->chunks());
}

TEST_F(UpdateStoreTest, UpdatesOfAnotherRunStayApart) {
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(1)).ok());
  ASSERT_TRUE(store.Save("../other run", Update(1)).ok());
  ASSERT_TRUE(store.Save("../other run", Update(2)).ok());
  ASSERT_TRUE(store.Save("../other run", Update(3)).ok());
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(1));
  EXPECT_THAT(store.HeldRounds("../other run"), ElementsAre(2, 3));
}

TEST_F(UpdateStoreTest, DoesNotHaveWhatWasNeverKept) {
  UpdateStore store = Open();
  EXPECT_EQ(store.Load("run", 1, "digest").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(UpdateStoreTest, DropsAnUpdateOfAnotherModel) {
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(1)).ok());
  EXPECT_TRUE(absl::IsNotFound(store.Load("run", 1, "other digest").status()));
  EXPECT_EQ(FileCount(), 0u);
  EXPECT_THAT(lines_.str(), HasSubstr("another model"));
}

TEST_F(UpdateStoreTest, DropsADamagedUpdateWithAWarning) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  for (const size_t at : {size_t{0}, size_t{40}, size_t{300}}) {
    ASSERT_TRUE(Open().Save("run", Update(1)).ok());
    UpdateStore store = Open();
    FlipByte(File(".chunks"), at);
    EXPECT_TRUE(absl::IsNotFound(store.Load("run", 1, "digest").status())) << at;
    EXPECT_THAT(store.HeldRounds("run"), IsEmpty());
    EXPECT_THAT(lines_.str(), HasSubstr("round 1 is unusable"));
  }
}

TEST_F(UpdateStoreTest, FindsDamageWhenItIsOpened) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  fs::resize_file(File(".chunks"), 20);
  EXPECT_THAT(Open().HeldRounds("run"), IsEmpty());
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(UpdateStoreTest, ADescriptionThatIsNoJsonIsDamage) {
  for (const char* text : {"", "{", "[]", "{\"round\": \"one\"}", "null"}) {
    ASSERT_TRUE(Open().Save("run", Update(1)).ok());
    std::ofstream(File(".json")) << text;
    EXPECT_THAT(Open().HeldRounds("run"), IsEmpty()) << text;
    EXPECT_EQ(FileCount(), 0u) << text;
  }
}

TEST_F(UpdateStoreTest, WithoutADescriptionThereIsNoUpdate) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  fs::remove(File(".json"));
  std::ofstream(folder_ / "x.chunks.part") << "half";
  EXPECT_THAT(Open().HeldRounds("run"), IsEmpty());
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(UpdateStoreTest, DropsOneOrAll) {
  UpdateStore store = Open();
  for (const uint32_t round : {1u, 2u}) ASSERT_TRUE(store.Save("run", Update(round)).ok());
  store.Drop("run", 1);
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(2));
  store.DropAll();
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(UpdateStoreTest, AFullDiskLeavesWhatWasHeld) {
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(1)).ok());
  // The place of the next description is taken by a folder: the write fails as on a full disk.
  const std::string taken = File(".json").string();
  const size_t number = taken.rfind("0000000001");
  ASSERT_NE(number, std::string::npos);
  std::string next = taken;
  next.replace(number, 10, "0000000002");
  fs::create_directories(next + "/x");
  EXPECT_FALSE(store.Save("run", Update(2)).ok());
  EXPECT_TRUE(store.Load("run", 1, "digest").ok());
}

TEST_F(UpdateStoreTest, AnEmptyFolderHoldsNothing) {
  EXPECT_THAT(Open().HeldRounds("run"), IsEmpty());
  EXPECT_EQ(FileCount(), 0u);
  Open().Drop("run", 3);
  Open().DropAll();
  EXPECT_THAT(lines_.str(), IsEmpty());
}

TEST_F(UpdateStoreTest, RoundsAreOrderedAsNumbers) {
  UpdateStore store = Open();
  for (const uint32_t round : {99u, 100u, 4'000'000'000u}) {
    ASSERT_TRUE(store.Save("run", Update(round)).ok());
  }
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(100, 4'000'000'000u));
  EXPECT_TRUE(store.Load("run", 4'000'000'000u, "digest").ok());
}

TEST_F(UpdateStoreTest, SavingARoundAgainKeepsTheOneBefore) {
  UpdateStore store = Open();
  for (const uint32_t round : {1u, 2u, 2u, 2u}) ASSERT_TRUE(store.Save("run", Update(round)).ok());
  EXPECT_THAT(store.HeldRounds("run"), ElementsAre(1, 2));
}

TEST_F(UpdateStoreTest, EveryFieldOfTheReportIsKept) {
  FinishedUpdate update = Update(6);
  update.samples = 123'456'789'012;
  update.report.set_first_loss(2.5);
  update.report.set_train_seconds(0.125);
  update.report.set_peak_rss_bytes(3e9);
  ASSERT_TRUE(Open().Save("run", update).ok());
  const auto back = Open().Load("run", 6, "digest");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->round, 6u);
  EXPECT_EQ(back->samples, 123'456'789'012u);
  EXPECT_EQ(back->manifest_digest, "digest");
  EXPECT_EQ(back->report.SerializeAsString(), update.report.SerializeAsString());
  EXPECT_EQ(back->state->bytes(), update.state->bytes());
}

TEST_F(UpdateStoreTest, AnUpdateUnderAnotherRoundsNameIsNotThatRounds) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  UpdateStore store = Open();
  for (const char* ending : {".json", ".chunks"}) {
    std::string name = File(ending).string();
    name.replace(name.rfind("0000000001"), 10, "0000000007");
    fs::rename(File(ending), name);
  }
  EXPECT_TRUE(absl::IsNotFound(store.Load("run", 7, "digest").status()));
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(UpdateStoreTest, ChunksOfAnotherUpdateAreNotItsOwn) {
  // A crash between the two files: the description of one update, the chunks of a shorter one.
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(1)).ok());
  StateDict small;
  ASSERT_TRUE(small.Add("w", Tensor::Zeros({2})).ok());
  ASSERT_TRUE(
      EncodedState::Encode(small, Codec::kF32, 100, 1)->Save(File(".chunks").string()).ok());
  EXPECT_TRUE(absl::IsNotFound(store.Load("run", 1, "digest").status()));
  EXPECT_THAT(lines_.str(), HasSubstr("is not what .json beside it describes"));
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(UpdateStoreTest, ADescriptionWithoutItsChunksIsDamage) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  fs::remove(File(".chunks"));
  EXPECT_THAT(Open().HeldRounds("run"), IsEmpty());
  EXPECT_EQ(FileCount(), 0u);
  EXPECT_THAT(lines_.str(), HasSubstr("unusable"));
}

TEST_F(UpdateStoreTest, TheCountsOfTheTrainedWeightsAreKeptButNotNeeded) {
  FinishedUpdate update = Update(1);
  update.report.mutable_trained()->set_samples(7);
  ASSERT_TRUE(Open().Save("run", update).ok());
  EXPECT_EQ(Open().Load("run", 1, "digest")->report.trained().samples(), 7u);
  nlohmann::json json = nlohmann::json::parse(*ReadFile(File(".json").string()));
  json["trained"] = "no base64!";
  std::ofstream(File(".json")) << json;
  const absl::StatusOr<FinishedUpdate> back = Open().Load("run", 1, "digest");
  ASSERT_TRUE(back.ok()) << "counts for a table are no reason to train again";
  EXPECT_FALSE(back->report.has_trained());
}

TEST_F(UpdateStoreTest, EveryKeyOfADescriptionIsNeeded) {
  ASSERT_TRUE(Open().Save("run", Update(1)).ok());
  const nlohmann::json whole = nlohmann::json::parse(*ReadFile(File(".json").string()));
  for (const auto& [key, value] : whole.items()) {
    if (key == "trained") continue;  // absent where a client of an older version wrote it
    ASSERT_TRUE(Open().Save("run", Update(1)).ok());
    nlohmann::json json = whole;
    json.erase(key);
    std::ofstream(File(".json")) << json;
    EXPECT_THAT(Open().HeldRounds("run"), IsEmpty()) << key;
  }
}

TEST_F(UpdateStoreTest, FilesOfOthersAreLeftAlone) {
  std::ofstream(folder_ / "notes.txt") << "x";
  UpdateStore store = Open();
  ASSERT_TRUE(store.Save("run", Update(1)).ok());
  store.DropAll();
  EXPECT_EQ(FileCount(), 1u);
  EXPECT_TRUE(fs::exists(folder_ / "notes.txt"));
}

TEST_F(UpdateStoreTest, AFolderThatIsGoneHoldsNothingAndTakesNothing) {
  UpdateStore store(scratch_ / "gone", log_);
  EXPECT_THAT(store.HeldRounds("run"), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(store.Load("run", 1, "digest").status()));
  EXPECT_FALSE(store.Save("run", Update(1)).ok());
}

}  // namespace
}  // namespace tributary
