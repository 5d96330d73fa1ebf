#include "preparation/datasets/own_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

class OwnLabelsTest : public ::testing::Test {
 protected:
  OwnLabelsTest() { set_.origins = {"table.csv"}; }
  void Add(const std::string& label, std::vector<Sample>* part) {
    Sample sample;
    sample.text = "of " + label;
    sample.label = labels_.NumberOf(label);
    sample.origin = 0;
    sample.line = ++line_;
    part->push_back(std::move(sample));
  }

  SampleSet set_;
  OwnLabels labels_;
  int64_t line_ = 0;
};

TEST_F(OwnLabelsTest, ALabelHasOneNumber) {
  EXPECT_EQ(labels_.NumberOf("cat"), labels_.NumberOf("cat"));
  EXPECT_NE(labels_.NumberOf("cat"), labels_.NumberOf("dog"));
  EXPECT_EQ(labels_.size(), 2U);
}

TEST_F(OwnLabelsTest, SamplesAreNumberedByTheSortedClassesOfTraining) {
  for (const char* label : {"10", "9", "10"}) Add(label, &set_.train);
  Add("9", &set_.test);
  ASSERT_TRUE(labels_.NameClasses({}, &set_).ok());
  EXPECT_THAT(set_.classes, ElementsAre("9", "10"));
  EXPECT_THAT(LabelledTextsOf(set_, set_.train), ElementsAre("10: of 10", "9: of 9", "10: of 10"));
  EXPECT_THAT(LabelledTextsOf(set_, set_.test), ElementsAre("9: of 9"));
}

TEST_F(OwnLabelsTest, TestSamplesOfAClassThatNothingTrainsOnAreListed) {
  Add("cat", &set_.train);
  Add("emu", &set_.test);
  Add("cat", &set_.test);
  ASSERT_TRUE(labels_.NameClasses({}, &set_).ok());
  EXPECT_THAT(LabelledTextsOf(set_, set_.test), ElementsAre("cat: of cat"));
  ASSERT_EQ(set_.skipped.size(), 1U);
  EXPECT_EQ(set_.skipped[0].line, 2);
  EXPECT_EQ(set_.skipped[0].reason, "no training sample has its label \"emu\"");
}

TEST_F(OwnLabelsTest, WholeNumbersAreOneClassHoweverTheyAreWritten) {
  for (const char* label : {"1", "1.0", "2.00", "-3"}) Add(label, &set_.train);
  ASSERT_TRUE(labels_.NameClasses({}, &set_).ok());
  EXPECT_THAT(set_.classes, ElementsAre("-3", "1", "2"));
  EXPECT_EQ(set_.train[0].label, set_.train[1].label);
}

TEST_F(OwnLabelsTest, BesideOtherLabelsANumberIsAName) {
  for (const char* label : {"1", "1.0", "1.1"}) Add(label, &set_.train);
  ASSERT_TRUE(labels_.NameClasses({}, &set_).ok());
  EXPECT_EQ(set_.classes.size(), 3U);
}

TEST_F(OwnLabelsTest, LettersComposedInTwoWaysAreOneLabel) {
  EXPECT_EQ(labels_.NumberOf("a\xcc\x88"), labels_.NumberOf("\xc3\xa4"));
}

}  // namespace
}  // namespace tributary
