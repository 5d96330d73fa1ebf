#include "preparation/datasets/ag_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AgNewsTest : public ::testing::Test {
 protected:
  AgNewsTest() {
    folder_.Put("train.csv", "3,\"Wall St.\",\"Bears, again\"\n1,Talks,\"On; and on\"\n");
    folder_.Put("test.csv", "4,Chips,Smaller\n");
  }

  const DatasetFolder folder_{};
};

TEST_F(AgNewsTest, ATextIsTitleAndDescriptionNormalisedAsTheBasicEnglishOfTheRelease) {
  const auto set = ReadAgNews(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kText);
  EXPECT_THAT(LabelledTextsOf(*set, set->train),
              ElementsAre("Business: wall st . bears , again", "World: talks on and on"));
  EXPECT_THAT(LabelledTextsOf(*set, set->test), ElementsAre("Sci/Tech: chips smaller"));
  EXPECT_EQ(set->train[1].line, 2);
  EXPECT_EQ(folder_.NameOf(set->origins[static_cast<size_t>(set->test[0].origin)]), "test.csv");
}

TEST_F(AgNewsTest, TheVariantAsPublishedLeavesTextsAlone) {
  const auto set = ReadAgNews(folder_.Source("as-published"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LabelledTextsOf(*set, set->train),
              ElementsAre("Business: Wall St. Bears, again", "World: Talks On; and on"));
}

TEST_F(AgNewsTest, ClassesTxtNamesTheClasses) {
  folder_.Put("classes.txt", "A\nB\r\n\nC\nD\n");
  const auto set = ReadAgNews(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->classes, ElementsAre("A", "B", "C", "D"));
  EXPECT_EQ(set->sources.size(), 3U);
}

TEST_F(AgNewsTest, AnotherNumberOfClassesIsRefused) {
  folder_.Put("classes.txt", "A\nB\nC\n");
  const absl::Status status = ReadAgNews(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("classes.txt: 3 lines"));
}

TEST_F(AgNewsTest, RowsOfNoClassAreListedWithTheirLine) {
  folder_.Put("train.csv",
              "Class Index,Title,Description\n0,a,b\n5,a,b\nx,a,b\n2,ok,it is\n1,only two\n");
  const auto set = ReadAgNews(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LabelledTextsOf(*set, set->train), ElementsAre("Sports: ok it is"));
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre("train.csv:2: class \"0\"; expected 1 to 4",
                                                   "train.csv:3: class \"5\"; expected 1 to 4",
                                                   "train.csv:4: class \"x\"; expected 1 to 4",
                                                   HasSubstr("train.csv:6: 2 fields")));
}

TEST_F(AgNewsTest, AMissingPartIsNamed) {
  std::filesystem::remove(folder_.path() + "/test.csv");
  const absl::Status status = ReadAgNews(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("test.csv"));
}

}  // namespace
}  // namespace tributary
