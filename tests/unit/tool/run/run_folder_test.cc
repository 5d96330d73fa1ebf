#include "tool/run/run_folder.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class RunFolderTest : public ::testing::Test {
 protected:
  void Put(const std::string& name) const { std::ofstream(scratch_ / name) << "{}"; }
  bool Has(const std::string& name) const { return std::filesystem::exists(scratch_ / name); }

  const ScratchFolder scratch_;
};

TEST_F(RunFolderTest, AnUnfinishedRunStaysWithOrWithoutFresh) {
  Put("run.db");
  EXPECT_TRUE(PrepareRunFolder(scratch_.path(), false).ok());
  EXPECT_TRUE(PrepareRunFolder(scratch_.path(), true).ok());
  EXPECT_TRUE(PrepareRunFolder(scratch_ / "new", false).ok());
  EXPECT_TRUE(Has("run.db"));
}

TEST_F(RunFolderTest, AFinishedRunIsReplacedOnlyIfThatIsAskedFor) {
  Put("run.db");
  Put("result.json");
  const absl::Status status = PrepareRunFolder(scratch_.path(), false);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--fresh"));
  EXPECT_TRUE(Has("run.db"));
  EXPECT_TRUE(PrepareRunFolder(scratch_.path(), true).ok());
  EXPECT_FALSE(Has("run.db"));
}

TEST_F(RunFolderTest, AResultTellsItsRounds) {
  EXPECT_EQ(RoundsOfResult(scratch_.path()), std::nullopt);
  for (const char* text : {"{}", "", "[]", "{\"rounds\": \"3\"}"}) {
    std::ofstream(scratch_ / "result.json") << text;
    EXPECT_EQ(RoundsOfResult(scratch_.path()), std::nullopt) << text;
  }
  std::ofstream(scratch_ / "result.json") << "{\"rounds\": 3}";
  EXPECT_EQ(RoundsOfResult(scratch_.path()), 3);
}

}  // namespace
}  // namespace tributary
