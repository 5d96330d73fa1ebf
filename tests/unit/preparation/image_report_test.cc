#include "preparation/image_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json Report(const std::vector<ImageTraits>& all, const ImageDecoding& decoding = {}) {
  std::vector<ImageOutcome> images;
  for (const ImageTraits& traits : all) {
    images.push_back({.skipped = "", .traits = traits});
  }
  json report = {{"notes", json::array()}};
  AddImageReport(images, decoding, &report);
  return report;
}

TEST(ImageReportTest, WhatIsOutOfTheOrdinaryIsCountedAndNoted) {
  const json report = Report({{.orientation = 6}, {.more_frames = true}, {}});
  EXPECT_EQ(report["images"], json({{"oriented", 1}, {"more_frames", 1}, {"deep", 0}}));
  ASSERT_EQ(report["notes"].size(), 2U);
  EXPECT_THAT(report["notes"][0].get<std::string>(), HasSubstr("--orientation apply"));
  EXPECT_THAT(report["notes"][1].get<std::string>(), HasSubstr("1 of 3 images hold several"));
  const json turned = Report({{.orientation = 6}}, {.upright = true});
  EXPECT_THAT(turned["notes"][0].get<std::string>(), HasSubstr("were turned upright"));
  EXPECT_TRUE(Report({{}})["notes"].empty());
  EXPECT_FALSE(Report({}).contains("images"));
}

TEST(ImageReportTest, AQuarterOfTheRangeIsEnough) {
  const ImageTraits low = {.deep = true, .lowest = 10, .highest = 4095};
  const json report = Report({low, {.deep = true, .lowest = 0, .highest = 100}});
  EXPECT_EQ(report["images"]["highest"], 4095);
  EXPECT_THAT(report["notes"][0].get<std::string>(), HasSubstr("--window 0:4095"));
  EXPECT_TRUE(Report({low, {.deep = true, .lowest = 0, .highest = 16384}})["notes"].empty());
  EXPECT_TRUE(Report({low}, {.window = LevelWindow{.low = 0, .high = 4095}})["notes"].empty());
  EXPECT_TRUE(Report({low}, {.window_of_each = true})["notes"].empty());
}

}  // namespace
}  // namespace tributary
