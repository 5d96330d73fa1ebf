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

TEST_F(OwnFilesTest, AListOfTextsGivesAnImageSeveralCaptions) {
  folder_.Put(
      "t.jsonl",
      "{\"path\": \"a.jpg\", \"captions\": [\"one\", \"two\", \"\"], \"split\": \"train\"}\n"
      "{\"path\": \"a.jpg\", \"captions\": [], \"split\": \"train\"}\n"
      "{\"path\": [\"a.jpg\"], \"captions\": \"x\", \"split\": \"train\"}\n");
  const auto set = ReadOwnJsonLines(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("a.jpg: one", "a.jpg: two"));
  EXPECT_THAT(folder_.SkippedIn(*set),
              ElementsAre("t.jsonl:1: empty caption", "t.jsonl:2: empty caption",
                          HasSubstr("t.jsonl:3: \"path\" is an array")));
}

TEST_F(OwnFilesTest, TablesInFoldersOfTheirOwnNameImagesBesideThem) {
  for (const char* part : {"train", "test"}) {
    folder_.Put(absl::StrCat(part, "/1.png"), part);
    folder_.Put(absl::StrCat(part, "/metadata.csv"),
                absl::StrCat("file_name,text\n1.png,of ", part, "\n"));
  }
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("train/1.png: of train"));
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("test/1.png: of test"));
}

TEST_F(OwnFilesTest, ARowOfATrainingTableThatSaysItTestsIsLeftOut) {
  folder_.Put("train.csv", "text,label,split\none,a,\ntwo,a,test\nthree,a,val\n");
  folder_.Put("test.csv", "text,label,split\nfour,a,val\nfive,a,train\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LabelledTextsOf(*set, set->train), ElementsAre("a: one"));
  EXPECT_THAT(LabelledTextsOf(*set, set->test), ElementsAre("a: four"));
  EXPECT_EQ(set->skipped.size(), 3U);
}

TEST_F(OwnFilesTest, APathCountsAsItIsWrittenElseWithoutSpaces) {
  folder_.Put(" c.jpg", "");
  folder_.Put("t.csv", "path,label,split\n a.jpg ,k,train\n c.jpg,k,train\n  ,k,train\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 2U);
  EXPECT_EQ(ImageNameOf(*set, set->train[0]), "a.jpg");
  EXPECT_EQ(ImageNameOf(*set, set->train[1]), " c.jpg");
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre("t.csv:4: empty path"));
}

TEST_F(OwnFilesTest, RowsThatAreNotUtf8AreToldByClassAndALostClassIsAnError) {
  folder_.Put("t.csv", "text,label,split\none,a,train\nB\xe4r,a,train\n");
  const auto set = ReadOwnCsv(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->notes, ElementsAre(HasSubstr("1 row is left out for not being UTF-8, by class: "
                                                "a (1); give --encoding")));
  folder_.Put("t.csv", "text,label,split\none,a,train\ntwo,B\xe4r,train\n");
  const absl::Status lost = ReadOwnCsv(folder_.Source()).status();
  EXPECT_EQ(lost.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(lost.message()), HasSubstr("B\xc3\xa4r (1); give --encoding"));
  DatasetSource source = folder_.Source();
  source.encoding = "latin1";
  const auto read = ReadOwnCsv(source);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->classes, ElementsAre("B\xc3\xa4r", "a"));
  EXPECT_TRUE(read->skipped.empty());
}

}  // namespace
}  // namespace tributary
