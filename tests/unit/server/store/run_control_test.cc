#include "server/store/run_control.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

OperatorMark Alice(const std::string& reason = "") {
  return {.by = "alice", .when = absl::FromUnixSeconds(1000), .reason = reason};
}

class RunControlTest : public testing::Test {
 protected:
  std::unique_ptr<RunControl> Open() {
    auto control = RunControl::Open(path_);
    EXPECT_TRUE(control.ok()) << control.status();
    return *std::move(control);
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "operator.json";
};

TEST_F(RunControlTest, NothingIsDecidedAtFirst) {
  const auto control = Open();
  EXPECT_FALSE(control->paused());
  EXPECT_TRUE(control->evicted().empty());
  EXPECT_EQ(control->RoundsInPlaceOf(7), 7);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RunControlTest, DecisionsOutliveARestart) {
  ASSERT_TRUE(Open()->Pause(Alice("a \"look\" \xff")).ok());
  ASSERT_TRUE(Open()->Evict("site-1", Alice("noise")).ok());
  ASSERT_TRUE(Open()->SetRounds(40, 36, Alice()).ok());
  const auto control = Open();
  ASSERT_TRUE(control->paused());
  EXPECT_EQ(control->paused()->by, "alice");
  EXPECT_EQ(control->paused()->when, absl::FromUnixSeconds(1000));
  EXPECT_THAT(control->paused()->reason, HasSubstr("a \"look\""));
  ASSERT_TRUE(control->Evicted("site-1"));
  EXPECT_EQ(control->Evicted("site-1")->reason, "noise");
  EXPECT_FALSE(control->Evicted("site-2"));
  EXPECT_EQ(control->RoundsInPlaceOf(36), 40);
}

TEST_F(RunControlTest, DecisionsAreTakenBackForGood) {
  ASSERT_TRUE(Open()->Pause(Alice()).ok());
  ASSERT_TRUE(Open()->Evict("site-1", Alice()).ok());
  ASSERT_TRUE(Open()->Resume().ok());
  ASSERT_TRUE(Open()->Forgive("site-1").ok());
  EXPECT_FALSE(Open()->paused());
  EXPECT_FALSE(Open()->Evicted("site-1"));
}

TEST_F(RunControlTest, ARunFileThatWasChangedLaterIsTheLaterWord) {
  const auto control = Open();
  ASSERT_TRUE(control->SetRounds(40, 36, Alice()).ok());
  EXPECT_EQ(control->RoundsInPlaceOf(36), 40);
  EXPECT_EQ(control->RoundsInPlaceOf(50), 50);
}

TEST_F(RunControlTest, WhatIsSoAlreadyIsToldWithWhoDecidedIt) {
  const auto control = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(control->Resume()));
  EXPECT_TRUE(absl::IsNotFound(control->Forgive("site-1")));
  ASSERT_TRUE(control->Pause(Alice()).ok());
  ASSERT_TRUE(control->Evict("site-1", Alice()).ok());
  for (const absl::Status& status : {control->Pause(Alice()), control->Evict("site-1", Alice())}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("by alice"));
  }
}

TEST_F(RunControlTest, ADamagedFileIsNamed) {
  for (const char* text : {"", "{", "{\"paused\": 7}", "{\"paused\": {\"by\": \"a\"}}",
                           "{\"evicted\": [3]}", "{\"rounds\": {\"rounds\": \"many\"}}"}) {
    std::ofstream(path_) << text;
    const absl::Status status = RunControl::Open(path_).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << text << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("operator.json"));
  }
}

TEST_F(RunControlTest, WhatCannotBeWrittenDoesNotTakeEffect) {
  const auto control = RunControl::Open(scratch_ / "nowhere/operator.json");
  ASSERT_TRUE(control.ok());
  EXPECT_FALSE((*control)->Pause(Alice()).ok());
  EXPECT_FALSE((*control)->paused());
}

TEST_F(RunControlTest, WithoutAPathDecisionsAreKeptInMemory) {
  const auto control = RunControl::Open("");
  ASSERT_TRUE(control.ok());
  ASSERT_TRUE((*control)->Pause(Alice()).ok());
  EXPECT_TRUE((*control)->paused());
}

TEST_F(RunControlTest, AMarkInWordsNamesWhoWhenAndWhy) {
  EXPECT_THAT(InWords(Alice("noise")), testing::MatchesRegex("by alice since 19.*: noise"));
  EXPECT_THAT(InWords(Alice()), testing::Not(HasSubstr(": ")));
}

}  // namespace
}  // namespace tributary
