#include "preparation/files/json_value.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseSmallJsonTest, ValuesOfAllKindsAreTheLibrarysOwn) {
  for (const char* text :
       {"null", "true", "-5", "18446744073709551615", "1.5e3", R"("te\u0078t")", "[]", "{}",
        R"({"a": [1, {"b": [null]}], "c": {"a": "again"}})", " [1, 2] "}) {
    const auto value = ParseSmallJson(text);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status();
    EXPECT_EQ(*value, json::parse(text)) << text;
  }
}

TEST(ParseSmallJsonTest, OfAKeyThatIsThereTwiceTheLastCounts) {
  EXPECT_EQ(*ParseSmallJson(R"({"a": {"b": 1}, "a": 2})"), json({{"a", 2}}));
}

TEST(ParseSmallJsonTest, BrokenTextIsToldWithItsByteAndReason) {
  for (const auto& [text, byte] : {std::pair<const char*, const char*>{"{\"a\": 1", "byte 8"},
                                   {"[1, x]", "byte 5"},
                                   {"", "byte 1"},
                                   {"{} {}", "byte 4"}}) {
    const absl::Status status = ParseSmallJson(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(byte)) << text;
  }
}

TEST(ParseSmallJsonTest, DepthIsTakenUpToItsBound) {
  EXPECT_TRUE(ParseSmallJson(Nested(kMostJsonDepth)).ok());
  EXPECT_FALSE(ParseSmallJson(Nested(kMostJsonDepth + 1)).ok());
}

TEST(ParseSmallJsonTest, ValuesAreTakenUpToTheirBound) {
  std::string zeros = "[0";  // the array itself is a value
  for (size_t i = 2; i < kMostJsonValues; ++i) zeros += ",0";
  EXPECT_TRUE(ParseSmallJson(zeros + "]").ok());
  EXPECT_THAT(std::string(ParseSmallJson(zeros + ",0]").status().message()),
              HasSubstr("more than 100000 values"));
}

TEST(ValueBuilderTest, BuildsOneValueAfterTheOther) {
  ValueBuilder builder;
  ASSERT_TRUE(builder.Open(json::object()));
  builder.Key("list");
  ASSERT_TRUE(builder.Open(json::array()));
  ASSERT_NE(builder.Add(1), nullptr);
  ASSERT_NE(builder.Add("two"), nullptr);
  builder.Close();
  EXPECT_TRUE(builder.building());
  builder.Close();
  EXPECT_FALSE(builder.building());
  EXPECT_EQ(builder.Take(), json({{"list", {1, "two"}}}));
  ASSERT_NE(builder.Add(true), nullptr);
  EXPECT_EQ(builder.Take(), json(true));
}

}  // namespace
}  // namespace tributary
