#include "preparation/datasets/own_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OwnFilesTest : public ::testing::Test {
 protected:
  OwnFilesTest() {
    folder_.Put("a.jpg", "");
    folder_.Put("pictures/b.jpg", "");
  }

  const DatasetFolder folder_{};
};

TEST_F(OwnFilesTest, ASplitColumnDividesATableOfPairs) {
  folder_.Put("t.csv",
              "path,text,site,split\na.jpg,one,x,train\npictures/b.jpg, two ,y,Testing\n"
              "a.jpg,left out,x,val\na.jpg,three,x, restval\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kPair);
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("a.jpg: one", "a.jpg: three"));
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("pictures/b.jpg: two"));
  EXPECT_EQ(set->train[0].owner, "x");
  EXPECT_EQ(set->train[1].line, 5);
  EXPECT_TRUE(set->classes.empty());
}

TEST_F(OwnFilesTest, ValidationTestsWhereNothingElseDoes) {
  folder_.Put("t.csv", "text,label,split\none,a,train\ntwo,a,dev\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LabelledTextsOf(*set, set->test), ElementsAre("a: two"));
}

TEST_F(OwnFilesTest, JsonLinesAreReadAlike) {
  folder_.Put("data.jsonl",
              "{\"text\": \"one\", \"label\": 3, \"split\": \"train\"}\n"
              "{\"text\": \"two\", \"label\": 3, \"split\": \"test\"}\n");
  const auto set = ReadOwnJsonLines(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kText);
  EXPECT_THAT(LabelledTextsOf(*set, set->train), ElementsAre("3: one"));
  EXPECT_THAT(LabelledTextsOf(*set, set->test), ElementsAre("3: two"));
}

TEST_F(OwnFilesTest, AnAbsolutePathWithinTheFolderIsTaken) {
  folder_.Put("t.csv", absl::StrCat("path,label,split\n", folder_.path(),
                                    "/pictures/b.jpg,k,train\n/etc/passwd,k,train\n"));
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 1U);
  EXPECT_EQ(ImageNameOf(*set, set->train[0]), "pictures/b.jpg");
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre(HasSubstr("t.csv:3: image ")));
}

TEST_F(OwnFilesTest, RowsThatCannotBeUsedAreListedWithTheirLine) {
  folder_.Put("t.csv",
              "text,label,split\none,a,train\n,a,train\ntwo,,train\none,a,train\nthree,a,later\n"
              "four\nfive,b,test\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LabelledTextsOf(*set, set->train), ElementsAre("a: one"));
  EXPECT_TRUE(set->test.empty());
  EXPECT_THAT(
      folder_.SkippedIn(*set),
      ElementsAre("t.csv:3: empty text", "t.csv:4: empty label", "t.csv:5: the same as line 2",
                  "t.csv:6: split \"later\"; expected train, val or test",
                  HasSubstr("t.csv:7: 1 field"),
                  "t.csv:8: no training sample has its label \"b\""));
}

TEST_F(OwnFilesTest, AnImageIsDrawnForTheTestWithAllItsRows) {
  std::string table = "path,text\n";
  for (int i = 0; i < 60; ++i) {
    folder_.Put(absl::StrCat(i, ".png"), "");
    for (int j = 0; j < 3; ++j) absl::StrAppend(&table, i, ".png,caption ", j, "\n");
  }
  folder_.Put("t.csv", table);
  DatasetSource source = folder_.Source();
  source.test_share = 0.5;
  const auto set = ReadOwnCsv(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_GT(set->test.size(), 45U);
  EXPECT_LT(set->test.size(), 135U);
  std::map<std::string, int> tested;
  for (const Sample& sample : set->test) ++tested[ImageNameOf(*set, sample)];
  for (const auto& [image, rows] : tested) EXPECT_EQ(rows, 3) << image;
}

TEST_F(OwnFilesTest, TwoTablesOfDifferentKindsAreRefused) {
  folder_.Put("train.csv", "path,label\na.jpg,k\n");
  folder_.Put("test.csv", "text,label\none,k\n");
  const absl::Status status = ReadOwnCsv(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("its columns make it text, those of "));
}

TEST_F(OwnFilesTest, AColumnOfNamesIsNoColumnOfClasses) {
  std::string table = "text,label,split\n";
  for (int i = 0; i <= 100'000; ++i) absl::StrAppend(&table, "t,", i, ",train\n");
  folder_.Put("t.csv", table);
  const absl::Status status = ReadOwnCsv(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("over 100000 labels"));
}

}  // namespace
}  // namespace tributary
