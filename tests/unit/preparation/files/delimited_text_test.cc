#include "preparation/files/delimited_text.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "LINE: field|field", or "LINE! why" of what is broken.
std::vector<std::string> Records(absl::string_view text, DelimitedFormat format = {}) {
  DelimitedText reader(text, format);
  std::vector<std::string> records;
  for (DelimitedRecord record; reader.Next(&record);) {
    records.push_back(record.broken.empty()
                          ? absl::StrCat(record.line, ": ", absl::StrJoin(record.fields, "|"))
                          : absl::StrCat(record.line, "! ", record.broken));
  }
  return records;
}

TEST(DelimitedTextTest, QuotesHideDelimitersQuotesAndLineEnds) {
  EXPECT_THAT(Records("a,\"b,c\"\n\"say \"\"x\"\"\",\"two\r\nlines\"\n,\n"),
              ElementsAre("1: a|b,c", "2: say \"x\"|two\r\nlines", "4: |"));
}

TEST(DelimitedTextTest, SpacesBelongToTheirField) {
  EXPECT_THAT(Records(" a , b\t\n"), ElementsAre("1:  a | b\t"));
}

TEST(DelimitedTextTest, LinesEndInAnyOfThreeWaysAndTheLastNeedNot) {
  EXPECT_THAT(Records("a,b\r\nc,d\re,f\n\n\r\ng,h"),
              ElementsAre("1: a|b", "2: c|d", "3: e|f", "6: g|h"));
  EXPECT_THAT(Records("a,\"b\""), ElementsAre("1: a|b"));
}

TEST(DelimitedTextTest, AByteOrderMarkIsPassedOver) {
  EXPECT_THAT(Records("\xEF\xBB\xBF\"a\",b\n"), ElementsAre("1: a|b"));
}

TEST(DelimitedTextTest, NothingIsThereInAnEmptyText) {
  EXPECT_THAT(Records(""), ElementsAre());
  EXPECT_THAT(Records("\n\r\n"), ElementsAre());
}

TEST(DelimitedTextTest, WithoutQuotingAQuoteIsACharacter) {
  EXPECT_THAT(
      Records("1.jpg| 0| The \"x\" .\n2.jpg| 1| \"A\n", {.delimiter = '|', .quotes = false}),
      ElementsAre("1: 1.jpg| 0| The \"x\" .", "2: 2.jpg| 1| \"A"));
}

TEST(DelimitedTextTest, AStrayQuoteCostsItsOwnLine) {
  EXPECT_THAT(Records("a,b\nc,d\"e\nf,g\n"),
              ElementsAre("1: a|b", HasSubstr("2! a quote"), "3: f|g"));
  EXPECT_THAT(Records("a,b\nc,\"d\" e\nf,g\n"),
              ElementsAre("1: a|b", HasSubstr("2! a quote"), "3: f|g"));
}

TEST(DelimitedTextTest, AnUnclosedQuoteCostsItsOwnLine) {
  EXPECT_THAT(Records("a,b\nc,\"d\nf,g\nh,\"i\"\n"),
              ElementsAre("1: a|b", HasSubstr("2! a quote"), "3: f|g", "4: h|i"));
  EXPECT_THAT(Records("a,b\nc,\"d\nf,g\nh,i\n"),
              ElementsAre("1: a|b", HasSubstr("2! a quote"), "3: f|g", "4: h|i"));
}

TEST(DelimitedTextTest, AnotherNumberOfFieldsIsReported) {
  EXPECT_THAT(Records("a,b\nc\nd,e,f\ng,h\n"), ElementsAre("1: a|b", "2! 1 field instead of 2",
                                                           "3! 3 fields instead of 2", "4: g|h"));
  EXPECT_THAT(Records("a,b\n", {.fields = 3}), ElementsAre("1! 2 fields instead of 3"));
}

// Two quotes that are missing and one that is not: the record between is not lost.
TEST(DelimitedTextTest, WhatASwallowedRecordHeldIsReadAgain) {
  EXPECT_THAT(Records("a,b,c\n1,2,\"x\n3,4,y\n5,6,\",z\"\n7,8,w\n"),
              ElementsAre("1: a|b|c", HasSubstr("2! "), "3: 3|4|y", "4: 5|6|,z", "5: 7|8|w"));
}

TEST(DelimitedTextTest, ALongRecordIsLeftOutWithoutTheRest) {
  const std::string line(100, 'x');
  EXPECT_THAT(Records(absl::StrCat("a\n", line, "\nb\n"), {.most_bytes = 50}),
              ElementsAre("1: a", "2! longer than 50 bytes", "3: b"));
  EXPECT_THAT(Records(absl::StrCat("a\n\"x\n", line, "\nb\n"), {.most_bytes = 50}),
              ElementsAre("1: a", "2! longer than 50 bytes: a quote is not closed",
                          "3! longer than 50 bytes", "4: b"));
}

TEST(DelimitedTextTest, BrokenUtf8CostsItsRecordAndNamesTheByte) {
  EXPECT_THAT(Records("a,b\nc,d\xE9\nf,g\n"),
              ElementsAre("1: a|b", "2! broken UTF-8 at byte 4", "3: f|g"));
  EXPECT_THAT(Records("a,b\n\"c\nc\",\xC3\nf,g\n"),
              ElementsAre("1: a|b", "2! broken UTF-8 at byte 7", "4: f|g"));
  EXPECT_THAT(Records("a\xFF"
                      "b\nc\n",
                      {.quotes = false}),
              ElementsAre(HasSubstr("1! "), "2: c"));
}

TEST(DelimitedTextTest, TheDelimiterIsTheOneThatTheFirstLineHas) {
  EXPECT_EQ(GuessDelimiter("a,b\nc;d;e\n"), ',');
  EXPECT_EQ(GuessDelimiter("\"a,b,c\";d\n"), ';');
  EXPECT_EQ(GuessDelimiter("a\tb"), '\t');
  EXPECT_EQ(GuessDelimiter("a"), ',');
}

TEST(DelimitedTextTest, AColumnThatIsMissingIsToldWithThoseThereAre) {
  EXPECT_EQ(*FindColumn({"Path", "path"}, "path"), 1u);
  EXPECT_EQ(*FindColumn({"Path", "Text"}, "text"), 1u);
  const auto missing = FindColumn({"file", "words"}, "text");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("file, words"));
}

TEST(DelimitedTextTest, SpacesAroundQuotesAreTakenWhereTheFormatSaysSo) {
  const DelimitedFormat typed = {.spaces_around_quotes = true};
  EXPECT_THAT(Records("a, \"b, c\" \n d ,e\n", typed), ElementsAre("1: a|b, c", "2:  d |e"));
  EXPECT_THAT(Records("a, \"b, c\"\n", {}), ElementsAre(HasSubstr("1! a quote")));
  EXPECT_THAT(Records("a, \"b\nc, d\n", typed), ElementsAre(HasSubstr("1! a quote"), "2: c| d"));
}

}  // namespace
}  // namespace tributary
