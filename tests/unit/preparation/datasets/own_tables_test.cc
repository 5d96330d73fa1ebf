#include "preparation/datasets/own_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class OwnTablesTest : public ::testing::Test {
 protected:
  absl::StatusOr<OwnTables> Find(const std::string& root = "") const {
    return FindOwnTables(root.empty() ? folder_.path() : folder_.path() + "/" + root,
                         folder_.path(), {".csv", ".tsv"});
  }
  std::string NameOf(const LocatedFile& table) const {
    return folder_.NameOf(table.tree->Describe(table.file));
  }

  const DatasetFolder folder_{};
};

TEST_F(OwnTablesTest, TheRootMayBeTheTable) {
  folder_.Put("mine.CSV", "");
  folder_.Put("other.csv", "");
  const auto tables = Find("mine.CSV");
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(NameOf(tables->train), "mine.CSV");
  EXPECT_FALSE(tables->test.has_value());
  EXPECT_EQ(tables->folder, folder_.path());
}

TEST_F(OwnTablesTest, TrainAndTestGoTogetherWhateverElseIsThere) {
  folder_.Put("train.csv", "");
  folder_.Put("test.tsv", "");
  folder_.Put("notes.csv", "");
  const auto tables = Find();
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(NameOf(tables->train), "train.csv");
  ASSERT_TRUE(tables->test.has_value());
  EXPECT_EQ(NameOf(*tables->test), "test.tsv");
}

TEST_F(OwnTablesTest, ATableCalledDataIsTheOnlyOne) {
  folder_.Put("data.csv", "");
  folder_.Put("test.csv", "");
  const auto tables = Find();
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(NameOf(tables->train), "data.csv");
  EXPECT_FALSE(tables->test.has_value());
}

TEST_F(OwnTablesTest, ASingleTableMayHaveAnyName) {
  WriteArchive(folder_.path() + "/all.zip", {{"in/patients.tsv", ""}, {"in/1.png", ""}});
  const auto tables = Find("all.zip");
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(NameOf(tables->train), "all.zip/in/patients.tsv");
}

TEST_F(OwnTablesTest, OfSeveralTablesNoneIsGuessed) {
  folder_.Put("a.csv", "");
  folder_.Put("b.csv", "");
  const absl::Status status = Find().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("several tables (a.csv, b.csv)"), HasSubstr("train and test")));
}

TEST_F(OwnTablesTest, AFolderWithoutATableIsNotFound) {
  folder_.Put("1.png", "");
  EXPECT_EQ(Find().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(OwnTablesTest, FoldersOfPartsMayHoldTheirMetadata) {
  folder_.Put("train/metadata.csv", "");
  folder_.Put("validation/metadata.csv", "");
  const auto tables = Find();
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(NameOf(tables->train), "train/metadata.csv");
  ASSERT_TRUE(tables->test.has_value());
  EXPECT_EQ(NameOf(*tables->test), "validation/metadata.csv");
}

TEST_F(OwnTablesTest, TablesOfOtherKindsAreRefusedWithWhatToDo) {
  folder_.Put("x/all.PARQUET", "");
  for (const char* root : {"", "x/all.PARQUET"}) {
    const absl::Status status = Find(root).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("all.PARQUET: Parquet is not read"));
  }
}

}  // namespace
}  // namespace tributary
