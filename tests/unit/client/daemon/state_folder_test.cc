#include "client/daemon/state_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "client/daemon/run_files.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
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
  for (const char* text :
       {"", "{", "[]", "{}", "{\"run_id\": 7}", "{\"run_id\": \"a\", \"earlier\": 7}",
        "{\"run_id\": \"a\", \"earlier\": [7]}"}) {
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

// A file in each store's folder, named as the stores name those of `run`.
std::vector<std::string> LeaveFilesOf(const StateFolder& folder, const std::string& run) {
  std::vector<std::string> paths;
  for (const std::string& place :
       {folder.updates_path(), folder.residuals_path(), folder.method_state_path()}) {
    fs::create_directories(place);
    paths.push_back(absl::StrCat(place, "/", RunFilePrefix(run), "0000000001.x"));
    std::ofstream(paths.back()) << "x";
  }
  return paths;
}

bool AllThere(const std::vector<std::string>& paths) {
  return std::all_of(paths.begin(), paths.end(), [](const auto& path) { return fs::exists(path); });
}
bool NoneThere(const std::vector<std::string>& paths) {
  return std::none_of(paths.begin(), paths.end(),
                      [](const auto& path) { return fs::exists(path); });
}

TEST_F(StateFolderTest, KeepsTheStateOfTwoRunsAndNoMore) {
  std::vector<std::string> one, two, three;
  {
    absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
    ASSERT_TRUE(folder->RememberRun("one", "").ok());
    one = LeaveFilesOf(*folder, "one");
    ASSERT_TRUE(folder->RememberRun("two", "").ok());
    two = LeaveFilesOf(*folder, "two");
    EXPECT_TRUE(AllThere(one));
  }
  absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  EXPECT_THAT(folder->earlier_runs(), ElementsAre("one"));
  ASSERT_TRUE(folder->RememberRun("three", "").ok());
  three = LeaveFilesOf(*folder, "three");
  EXPECT_THAT(folder->earlier_runs(), ElementsAre("two"));
  EXPECT_TRUE(NoneThere(one));
  EXPECT_TRUE(AllThere(two));
  EXPECT_TRUE(AllThere(three));
}

TEST_F(StateFolderTest, ARunThatComesBackFindsItsState) {
  absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  ASSERT_TRUE(folder->RememberRun("one", "").ok());
  const std::vector<std::string> one = LeaveFilesOf(*folder, "one");
  ASSERT_TRUE(folder->RememberRun("two", "").ok());
  ASSERT_TRUE(folder->RememberRun("one", "").ok());
  EXPECT_TRUE(AllThere(one));
  EXPECT_EQ(folder->run_id(), "one");
  EXPECT_THAT(folder->earlier_runs(), ElementsAre("two"));
}

TEST_F(StateFolderTest, AFinishedRunsStateGoesAndAnEarlierOnesStays) {
  {
    absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
    ASSERT_TRUE(folder->RememberRun("one", "").ok());
    const std::vector<std::string> one = LeaveFilesOf(*folder, "one");
    ASSERT_TRUE(folder->RememberRun("two", "").ok());
    const std::vector<std::string> two = LeaveFilesOf(*folder, "two");
    ASSERT_TRUE(folder->ForgetRun().ok());
    EXPECT_TRUE(NoneThere(two));
    EXPECT_TRUE(AllThere(one));
  }
  const absl::StatusOr<StateFolder> folder = StateFolder::Open(path_);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->run_id(), "");
  EXPECT_THAT(folder->earlier_runs(), ElementsAre("one"));
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
