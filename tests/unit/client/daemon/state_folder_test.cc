#include "client/daemon/state_folder.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StateFolderTest : public ::testing::Test {
 protected:
  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "a/state";
};

TEST_F(StateFolderTest, BeginsWithoutARun) {
  const absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->run_id(), "");
  EXPECT_TRUE(fs::is_directory(folder->updates_path()));
}

TEST_F(StateFolderTest, RemembersTheRunAcrossARestart) {
  ASSERT_TRUE(StateFolder::Open(path_)->RememberRun("run \"7\"", "caf\xc3\xa9 \xff").ok());
  absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->run_id(), "run \"7\"");
  ASSERT_TRUE(folder->ForgetRun().ok());
  ASSERT_TRUE(folder->ForgetRun().ok());
  EXPECT_EQ(folder->run_id(), "");
}

TEST_F(StateFolderTest, ServesOneClientAtATime) {
  std::optional<StateFolder> first = StateFolder::Open(path_).value();
  const absl::Status second = StateFolder::Open(path_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use by another client"));
  first.reset();
  EXPECT_TRUE(StateFolder::Open(path_).ok());
}

TEST_F(StateFolderTest, ADamagedRunFileIsNamed) {
  for (const char* text : {"", "{", "[]", "{}", "{\"run_id\": 7}"}) {
    fs::create_directories(path_);
    std::ofstream(path_ + "/run.json") << text;
    const absl::Status status = StateFolder::Open(path_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("run.json"));
  }
}

TEST_F(StateFolderTest, RefusesAPathThatIsAFile) {
  fs::create_directories(fs::path(path_).parent_path());
  std::ofstream{path_} << "x";
  EXPECT_FALSE(StateFolder::Open(path_).ok());
}

TEST_F(StateFolderTest, AnotherRunTakesThePlaceOfTheOne) {
  {
    absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
    ASSERT_TRUE(folder->RememberRun("one", "").ok());
    ASSERT_TRUE(folder->RememberRun("two", "").ok());
    ASSERT_TRUE(folder->RememberRun("two", "").ok());
    EXPECT_EQ(folder->run_id(), "two");
  }
  EXPECT_EQ(StateFolder::Open(path_)->run_id(), "two");
}

TEST_F(StateFolderTest, ARunThatWasForgottenStaysForgotten) {
  {
    absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
    ASSERT_TRUE(folder->RememberRun("one", "").ok());
    ASSERT_TRUE(folder->ForgetRun().ok());
    EXPECT_FALSE(fs::exists(path_ + "/run.json"));
  }
  EXPECT_EQ(StateFolder::Open(path_)->run_id(), "");
}

TEST_F(StateFolderTest, AMovedFolderKeepsItsLockAndItsRun) {
  absl::StatusOr<StateFolder> first = StateFolder::Open(path_);
  ASSERT_TRUE(first->RememberRun("one", "").ok());
  std::optional<StateFolder> moved(*std::move(first));
  EXPECT_EQ(moved->run_id(), "one");
  EXPECT_EQ(StateFolder::Open(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  moved.reset();
  EXPECT_TRUE(StateFolder::Open(path_).ok());
}

TEST_F(StateFolderTest, ARunThatCannotBeRememberedIsNotJoined) {
  absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  fs::create_directories(path_ + "/run.json/below");
  const absl::Status status = folder->RememberRun("one", "");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("run.json"));
  EXPECT_EQ(folder->run_id(), "");
}

}  // namespace
}  // namespace tributary
