#include "preparation/datasets/wordnet_glosses.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preparation/datasets/sample_set.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class WordnetGlossesTest : public testing::Test {
 protected:
  absl::StatusOr<SampleSet> Read(const std::string& lines) {
    const std::string folder = scratch_ / "usr/share/wordnet";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/data.noun") << lines;
    return ReadWordnetGlosses({.root = scratch_.path(), .seed = 1});
  }
  const ScratchFolder scratch_;
};

TEST_F(WordnetGlossesTest, AGlossLosesItsExamplesAndKeepsItsKind) {
  const auto set = Read(
      "  1 This software and database is being provided ...\n"
      "00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 | that which is; \"it was full of rackets\" "
      " \n");
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size() + set->test.size(), 1u);
  const Sample& sample = set->train.empty() ? set->test[0] : set->train[0];
  EXPECT_EQ(sample.text, "that which is");
  EXPECT_EQ(set->classes[static_cast<size_t>(sample.label)], "noun.Tops");
  EXPECT_EQ(set->classes.size(), 26u);
}

TEST_F(WordnetGlossesTest, LinesOfAnotherFormatAreListedWithTheirNumber) {
  const auto set =
      Read("garbage\n00001740 99 n 01 entity | a gloss\n00001740 04 n 01 act | a deed\n");
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->skipped.size(), 2u);
  EXPECT_THAT(set->skipped[1].file, HasSubstr("data.noun"));
  EXPECT_EQ(set->skipped[1].line, 2);
}

TEST_F(WordnetGlossesTest, AboutTwoPercentAreHeldOut) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "00000000 04 n 01 act 0 000 | gloss\n";
  const auto set = Read(lines);
  EXPECT_NEAR(static_cast<double>(set->test.size()), 100, 40);
}

TEST_F(WordnetGlossesTest, AMissingFileNamesItsPackage) {
  const auto set = ReadWordnetGlosses({.root = scratch_ / "none", .seed = 1});
  EXPECT_EQ(set.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("wordnet-base"));
}

}  // namespace
}  // namespace tributary
