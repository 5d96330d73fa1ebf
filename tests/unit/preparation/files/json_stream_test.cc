#include "preparation/files/json_stream.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "preparation/files/json_lines.h"
#include "preparation/files/json_value.h"

namespace tributary {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Visited {
  absl::Status status;
  std::vector<std::string> elements;  // of "a" and "b", as "a[...]"
};

Visited Visit(const std::string& text) {
  Visited visited;
  const auto visit = [&](std::string key) {
    return JsonArray{key,
                     [&, key](json element) { visited.elements.push_back(key + element.dump()); }};
  };
  visited.status = VisitJsonArrays(text, "FILE", {visit("a"), visit("b")});
  return visited;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(JsonStreamTest, ElementsComeWholeAndInOrder) {
  const Visited visited = Visit(
      R"({"info": {"a": [1]}, "b": [{"x": [1, {"y": null}], "z": "é"}, [], 2.5],
          "other": [[{"b": [7]}]], "a": [true, "text", {}], "last": 3})");
  ASSERT_TRUE(visited.status.ok()) << visited.status;
  EXPECT_THAT(visited.elements, ElementsAre(R"(b{"x":[1,{"y":null}],"z":"é"})", "b[]", "b2.5",
                                            "atrue", R"(a"text")", "a{}"));
}

TEST(JsonStreamTest, AMissingArrayIsToldWithTheKeysThereAre) {
  const Visited visited = Visit(R"({"a": [], "images": [1], "b": {"c": []}})");
  EXPECT_EQ(visited.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(visited.status), "FILE: has no array \"b\"; its keys are a, images, b");
  EXPECT_EQ(Message(Visit("[{\"a\": [1]}]").status), "FILE: has no array \"a\"; it is no object");
}

TEST(JsonStreamTest, BrokenTextIsToldWithByteAndLine) {
  const Visited cut = Visit("{\"a\": [1,\n 2");
  EXPECT_EQ(cut.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(cut.status), HasSubstr("FILE: broken JSON at byte 13 (line 2)"));
  EXPECT_THAT(Message(cut.status), HasSubstr("cut short"));
  EXPECT_THAT(cut.elements, ElementsAre("a1", "a2"));
  EXPECT_THAT(Message(Visit("{\"a\": [1,\n x]}").status), HasSubstr("at byte 12 (line 2)"));
  EXPECT_THAT(Message(Visit("{\"a\": [\"\xE9\"]}").status), HasSubstr("at byte 10"));
  EXPECT_THAT(Message(Visit("").status), HasSubstr("broken JSON"));
  EXPECT_THAT(Message(Visit("{\"a\": [], \"b\": []} x").status), HasSubstr("at byte 20"));
}

TEST(JsonStreamTest, AMessageIsShortHoweverLongTheText) {
  EXPECT_LT(Visit("{\"a\": [\"" + std::string(1'000'000, 'x')).status.message().size(), 500u);
}

TEST(JsonStreamTest, DepthIsBounded) {
  for (const size_t depth : {size_t{100}, size_t{1'000'000}}) {
    const std::string deep = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_THAT(Message(Visit("{\"a\": [" + deep + "]}").status), HasSubstr("levels"));
    EXPECT_THAT(Message(Visit("{\"other\": " + deep + "}").status), HasSubstr("levels"));
    EXPECT_THAT(Message(ParseSmallJson(deep).status()), HasSubstr("levels"));
  }
}

TEST(JsonStreamTest, AnElementIsBoundedAndTheArrayIsNot) {
  std::string zeros = "0";
  for (size_t i = 0; i < kMostJsonValues; ++i) zeros += ",0";
  const Visited many = Visit("{\"a\": [" + zeros + "], \"b\": []}");
  EXPECT_TRUE(many.status.ok()) << many.status;
  EXPECT_EQ(many.elements.size(), kMostJsonValues + 1);
  EXPECT_THAT(Message(Visit("{\"a\": [1, [" + zeros + "]], \"b\": []}").status),
              HasSubstr("element 2 of \"a\""));
}

// "LINE: object", or "LINE! why" of what is broken.
std::vector<std::string> Lines(const std::string& text) {
  JsonLines reader(text);
  std::vector<std::string> lines;
  for (JsonLine line; reader.Next(&line);) {
    lines.push_back(line.broken.empty() ? absl::StrCat(line.line, ": ", line.object.dump())
                                        : absl::StrCat(line.line, "! ", line.broken));
  }
  return lines;
}

TEST(JsonLinesTest, EachLineIsAnObjectWithItsNumber) {
  EXPECT_THAT(Lines("\xEF\xBB\xBF{\"a\": 1}\r\n\n  {\"b\": [\"x\"]}  \n{}"),
              ElementsAre("1: {\"a\":1}", "3: {\"b\":[\"x\"]}", "4: {}"));
  EXPECT_THAT(Lines(""), ElementsAre());
}

TEST(JsonLinesTest, ABrokenLineCostsNoOther) {
  EXPECT_THAT(Lines("{\"a\": 1\n[1]\n{\"a\": \"\xE9\"}\n{\"a\": 1} {}\n{\"a\": 2}\n"),
              ElementsAre(HasSubstr("1! broken JSON at byte 8"), "2! no JSON object but array",
                          "3! broken UTF-8 at byte 8", HasSubstr("4! broken JSON at byte 10"),
                          "5: {\"a\":2}"));
  EXPECT_THAT(Lines(std::string(kLongestJsonLine + 1, '[') + "\n{}"),
              ElementsAre(HasSubstr("1! longer than"), "2: {}"));
}

TEST(JsonValueTest, MembersAreTakenByType) {
  const json object = {{"text", "x"}, {"number", -5}, {"fraction", 1.5}};
  int64_t number = 0;
  EXPECT_EQ(TextAt(object, "text"), "x");
  EXPECT_EQ(TextAt(object, "number"), "");
  EXPECT_EQ(TextAt(object, "none"), "");
  EXPECT_EQ(TextAt(json::array(), "text"), "");
  EXPECT_TRUE(NumberAt(object, "number", &number));
  EXPECT_EQ(number, -5);
  EXPECT_FALSE(NumberAt(object, "fraction", &number));
  EXPECT_FALSE(NumberAt(object, "text", &number));
  EXPECT_FALSE(NumberAt(json(3), "text", &number));
}

}  // namespace
}  // namespace tributary
