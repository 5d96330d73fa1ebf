#include "preparation/datasets/own_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "LINE: a|b" of each row, or "LINE! why".
std::vector<std::string> RowsOf(const std::string& text, const std::string& path) {
  const auto rows = OwnRows::Open(text, path);
  if (!rows.ok()) return {rows.status().ToString()};
  std::vector<std::string> all;
  for (OwnRow row; (*rows)->Next(&row);) {
    for (const auto& [column, why] : row.unusable) row.fields[column] = absl::StrCat("! ", why);
    for (const auto& [column, texts] : row.lists) {
      row.fields[column] = absl::StrCat("[", absl::StrJoin(texts, ","), "]");
    }
    all.push_back(row.broken.empty() ? absl::StrCat(row.line, ": ", absl::StrJoin(row.fields, "|"))
                                     : absl::StrCat(row.line, "! ", row.broken));
  }
  return all;
}

std::vector<std::string> ColumnsOf(const std::string& text, const std::string& path) {
  const auto rows = OwnRows::Open(text, path);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? (*rows)->columns() : std::vector<std::string>();
}

TEST(OwnRowsTest, TheFirstLineOfATableNamesTheColumnsAndTellsTheDelimiter) {
  for (const char* delimiter : {",", ";", "\t", "|"}) {
    const std::string text = absl::StrCat(" text ", delimiter, "label\none", delimiter, "1\n");
    EXPECT_THAT(ColumnsOf(text, "t.csv"), ElementsAre("text", "label"));
    EXPECT_THAT(RowsOf(text, "t.csv"), ElementsAre("2: one|1"));
  }
}

TEST(OwnRowsTest, TheKeysOfAllObjectsAreColumns) {
  const std::string text = R"({"text": "one", "label": 1}
{"label": true, "more": 5}
{"text": null, "label": 2.5}
)";
  EXPECT_THAT(ColumnsOf(text, "t.jsonl"), ElementsAre("label", "more", "text"));
  EXPECT_THAT(RowsOf(text, "T.NDJSON"), ElementsAre("1: 1||one", "2: true|5|", "3: 2.5||"));
}

TEST(OwnRowsTest, AnObjectInAFieldMakesThatFieldUnusableAndTextsAreAList) {
  EXPECT_THAT(RowsOf("{\"a\": {}, \"text\": [\"x\", \"y\"]}\n", "t.jsonl"),
              ElementsAre("1: ! \"a\" is an object; expected a text or a number|[x,y]"));
  EXPECT_THAT(
      RowsOf("{\"text\": \"one\"}\n{\"text\": [1]}\n{\"text\n{\"text\": \"two\"}\n", "t.jsonl"),
      ElementsAre("1: one", "2: ! \"text\" is an array; expected a text or a number",
                  HasSubstr("3! broken JSON"), "4: two"));
}

TEST(OwnRowsTest, ABrokenFirstLineOfJsonLeavesTheColumnsToTheNext) {
  EXPECT_THAT(ColumnsOf("[]\n{\"a\": 1}\n", "t.jsonl"), ElementsAre("a"));
}

TEST(OwnRowsTest, ATableWithoutColumnsIsRefusedByName) {
  const auto refusal = [](const std::string& text, const std::string& path) {
    const absl::Status status = OwnRows::Open(text, path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(refusal("", "t.csv"), "t.csv: is empty");
  EXPECT_EQ(refusal("\n\n", "t.jsonl"), "t.jsonl: no line holds an object: is empty");
  EXPECT_THAT(refusal("3\n4\n", "t.jsonl"), HasSubstr("line 1: no JSON object but number"));
  EXPECT_THAT(refusal("a,\"b\n", "t.csv"), HasSubstr("t.csv, line 1, the names of the columns"));
}

TEST(OwnRowsTest, WhatIsNotUtf8KeepsItsFieldsForMessages) {
  for (const auto& [text, path] :
       {std::pair("text,label\na,B\xe4r\n", "t.csv"),
        std::pair("{\"label\": \"-\"}\n{\"label\": \"B\xe4r\"}\n", "t.jsonl")}) {
    const auto rows = OwnRows::Open(text, path);
    ASSERT_TRUE(rows.ok()) << rows.status();
    OwnRow row;
    while ((*rows)->Next(&row) && !row.undecodable) {
    }
    EXPECT_THAT(row.broken, HasSubstr("broken UTF-8"));
    EXPECT_EQ(row.fields.back(), "B\xc3\xa4r") << path;
  }
}

TEST(OwnRowsTest, KeysWithoutEndAreRefused) {
  std::string text;
  for (int i = 0; i <= 10'000; ++i) absl::StrAppend(&text, "{\"k", i, "\": 1}\n");
  EXPECT_THAT(std::string(OwnRows::Open(text, "t.jsonl").status().message()),
              HasSubstr("line 10001: over 10000 different keys"));
}

}  // namespace
}  // namespace tributary
