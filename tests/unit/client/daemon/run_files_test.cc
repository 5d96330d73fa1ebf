#include "client/daemon/run_files.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;
using ::testing::MatchesRegex;

TEST(RunFilesTest, ARunsPrefixIsAFileNameWhateverItsIdIs) {
  EXPECT_THAT(RunFilePrefix("../../etc/passwd"), MatchesRegex("[0-9a-f]+-"));
  EXPECT_EQ(RunFilePrefix("one"), RunFilePrefix("one"));
  EXPECT_NE(RunFilePrefix("one"), RunFilePrefix("two"));
}

TEST(RunFilesTest, DeletesTheFilesOfOtherRunsAndNothingElse) {
  const ScratchFolder scratch;
  const std::string folder = scratch / "updates";
  fs::create_directories(folder);
  const auto write = [&](const std::string& name) { std::ofstream(folder + "/" + name) << "x"; };
  write(absl::StrCat(RunFilePrefix("one"), "1.json"));
  write(absl::StrCat(RunFilePrefix("two"), "1.json"));
  write(absl::StrCat(RunFilePrefix("three"), "1.json"));
  write("notes.txt");
  write("notes-of-the-owner-0000000001.json");
  DeleteFilesOfOtherRuns(folder, {"one", "three"});
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder)) left.insert(entry.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{absl::StrCat(RunFilePrefix("one"), "1.json"),
                                         absl::StrCat(RunFilePrefix("three"), "1.json"),
                                         "notes.txt", "notes-of-the-owner-0000000001.json"}));
}

TEST(RunFilesTest, AFolderThatIsNotThereHoldsNothing) {
  const ScratchFolder scratch;
  DeleteFilesOfOtherRuns(scratch / "nowhere", {});
  EXPECT_FALSE(fs::exists(scratch / "nowhere"));
}

}  // namespace
}  // namespace tributary
