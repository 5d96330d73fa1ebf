#include "preparation/datasets/webdataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WebDatasetTest : public ::testing::Test {
 protected:
  void Pack(const std::string& name, const std::vector<ArchivedFile>& files) const {
    WriteArchive(folder_.path() + "/" + name, files);
  }

  DatasetFolder folder_;
};

TEST_F(WebDatasetTest, FilesOfOneKeyAreASample) {
  Pack("train-0.tar", {{"x/1.jpg", "1"},
                       {"x/1.txt", " one "},
                       {"x/2.jpg", "2"},
                       {"x/2.json", R"({"caption": ["two", "zwei"], "label": 5})"},
                       {"x/3.jpg", "3"},
                       {"x/4.txt", "four"},
                       {"x/5.jpg", "5"},
                       {"x/5.txt", "f\xfcnf"}});
  Pack("test-0.tar", {{"1.png", "6"}, {"1.json", R"({"text": "six"})"}});
  Pack("val-0.tar", {{"1.png", "7"}, {"1.txt", "seven"}});
  const auto set = ReadWebDataset(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kPair);
  EXPECT_THAT(PairsOf(*set, set->train),
              ElementsAre("x/1.jpg: one", "x/2.jpg: two", "x/2.jpg: zwei"));
  EXPECT_EQ(set->train[1].image, set->train[2].image);
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("1.png: six"));
  EXPECT_THAT(folder_.SkippedIn(*set),
              ElementsAre("train-0.tar: sample x/3: no text", "train-0.tar: sample x/4: no image",
                          HasSubstr("sample x/5: x/5.txt: broken UTF-8")));
  EXPECT_THAT(set->notes, ElementsAre(HasSubstr("1 row is left out for not being UTF-8")));
}

TEST_F(WebDatasetTest, ClassesMakeImagesOrTexts) {
  Pack("a.tar", {{"1.jpg", "1"}, {"1.cls", "10\n"}, {"2.jpg", "2"}, {"2.json", R"({"cls": 9})"}});
  DatasetSource source = folder_.Source();
  source.test_share = 0;
  const auto images = ReadWebDataset(source);
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ(images->modality, Modality::kImage);
  EXPECT_THAT(images->classes, ElementsAre("9", "10"));
  Pack("a.tar", {{"1.txt", "one"}, {"1.cls", "x"}, {"2.json", "[]"}});
  const auto texts = ReadWebDataset(source);
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_THAT(LabelledTextsOf(*texts, texts->train), ElementsAre("x: one"));
  EXPECT_THAT(folder_.SkippedIn(*texts), ElementsAre(HasSubstr("2.json: no JSON object")));
}

TEST_F(WebDatasetTest, WhatHasNoSamplesIsRefused) {
  EXPECT_EQ(ReadWebDataset(folder_.Source()).status().code(), absl::StatusCode::kNotFound);
  Pack("a.tar", {{"1.jpg", "1"}, {"readme", ""}});
  const absl::Status status = ReadWebDataset(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("KEY.jpg with KEY.txt"));
}

}  // namespace
}  // namespace tributary
