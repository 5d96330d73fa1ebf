#include "client/daemon/log.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(LogTest, AJsonLineIsOneObjectWhateverTheMessage) {
  ::testing::internal::CaptureStderr();
  MakeLog("site-1", true)->warn("a \"quoted\"\nline, \xff\x01");
  const std::string text = ::testing::internal::GetCapturedStderr();
  ASSERT_EQ(text.back(), '\n');
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["client"], "site-1");
  EXPECT_EQ(json["level"], "warning");
  EXPECT_THAT(json["message"].get<std::string>(), HasSubstr("a \"quoted\"\nline"));
  EXPECT_THAT(json["time"].get<std::string>(), MatchesRegex("20..-..-..T..:..:..[.]...Z"));
}

TEST(LogTest, ALineForAPersonNamesTheClientAndTheLevel) {
  ::testing::internal::CaptureStderr();
  MakeLog("site-1", false)->error("no coordinator");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("error"));
  EXPECT_THAT(text, HasSubstr("site-1: no coordinator"));
}

}  // namespace
}  // namespace tributary
