#include "preparation/apply_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Schema Animals() {
  return {.dataset = "animals", .modality = Modality::kText, .classes = {"dog", "cat", "bird"}};
}

// Texts of "bird", "cat" and "fox", as a reader numbers them: by name.
SampleSet Found() {
  SampleSet set;
  set.modality = Modality::kText;
  set.classes = {"bird", "cat", "fox"};
  set.origins = {"texts.csv"};
  int64_t line = 2;
  for (const int32_t label : {0, 1, 1, 2, 2}) {
    Sample sample;
    sample.label = label;
    sample.origin = 0;
    sample.line = line++;
    set.train.push_back(sample);
  }
  set.test = {set.train[1]};
  return set;
}

std::vector<int32_t> Labels(const std::vector<Sample>& samples) {
  std::vector<int32_t> labels;
  for (const Sample& sample : samples) labels.push_back(sample.label);
  return labels;
}

TEST(ApplySchemaTest, LabelsAreNumberedByTheSchemaThoughTheOwnerLacksAClass) {
  SampleSet set = Found();
  set.train.resize(3);  // no fox
  ASSERT_TRUE(ApplySchema(Animals(), UnknownLabels::kRefuse, &set).ok());
  EXPECT_THAT(set.classes, ElementsAre("dog", "cat", "bird"));
  EXPECT_THAT(Labels(set.train), ElementsAre(2, 1, 1));
  EXPECT_THAT(Labels(set.test), ElementsAre(1));
  EXPECT_TRUE(set.skipped.empty());
}

TEST(ApplySchemaTest, ALabelOutsideTheSchemaIsRefusedWithItsCount) {
  SampleSet set = Found();
  const absl::Status refused = ApplySchema(Animals(), UnknownLabels::kRefuse, &set);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("\"fox\" (2 samples)"),
                                       HasSubstr("dog, cat, bird"), HasSubstr("--unknown-labels")));
}

TEST(ApplySchemaTest, OrItsSamplesAreLeftOutAndListed) {
  SampleSet set = Found();
  ASSERT_TRUE(ApplySchema(Animals(), UnknownLabels::kSkip, &set).ok());
  EXPECT_THAT(Labels(set.train), ElementsAre(2, 1, 1));
  ASSERT_EQ(set.skipped.size(), 2u);
  EXPECT_EQ(set.skipped[0].file, "texts.csv");
  EXPECT_EQ(set.skipped[0].line, 5);
  EXPECT_EQ(set.skipped[1].reason, "the schema has no class \"fox\"");
}

TEST(ApplySchemaTest, ImagesTakeItsChannelsAndNormalisation) {
  SampleSet set;
  set.modality = Modality::kImage;
  set.classes = {"x"};
  const Schema schema{.dataset = "scans",
                      .modality = Modality::kImage,
                      .classes = {"x", "y"},
                      .image_size = 8,
                      .channels = 1,
                      .mean = {0.2F},
                      .deviation = {0.3F}};
  ASSERT_TRUE(ApplySchema(schema, UnknownLabels::kRefuse, &set).ok());
  EXPECT_EQ(set.channels, 1);
  EXPECT_THAT(set.mean, ElementsAre(0.2F));
  EXPECT_THAT(set.deviation, ElementsAre(0.3F));
}

TEST(ApplySchemaTest, DataOfAnotherModalityAreRefused) {
  SampleSet set = Found();
  set.modality = Modality::kPair;
  EXPECT_THAT(ApplySchema(Animals(), UnknownLabels::kSkip, &set).message(),
              AllOf(HasSubstr("modality text"), HasSubstr("pair")));
}

}  // namespace
}  // namespace tributary
