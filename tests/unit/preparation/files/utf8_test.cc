#include "preparation/files/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(Utf8Test, TextsOfAllLengthsOfSequencesAreWhole) {
  for (const std::string text : {"", "plain", "\xC3\xA9t\xC3\xA9", "\xE6\x97\xA5\xE6\x9C\xAC",
                                 "\xF0\x9F\x98\x80", "a\xF4\x8F\xBF\xBFz"}) {
    EXPECT_FALSE(FindBrokenUtf8(text).has_value()) << text;
    EXPECT_EQ(DescribeBrokenUtf8(text), "");
  }
  EXPECT_FALSE(FindBrokenUtf8(std::string("a\0b", 3)).has_value());
}

TEST(Utf8Test, TheFirstBrokenByteIsTold) {
  EXPECT_EQ(FindBrokenUtf8("caf\xE9"), 3U);       // Latin-1
  EXPECT_EQ(FindBrokenUtf8("\xC3\xA9\x80"), 2U);  // a continuation by itself
  EXPECT_EQ(FindBrokenUtf8("ab\xE6\x97"), 2U);    // cut short at the end
  EXPECT_EQ(FindBrokenUtf8("\xE6\x97x"), 0U);     // cut short within
  EXPECT_EQ(FindBrokenUtf8("\xFF\xFE"
                           "a"),
            0U);  // UTF-16's mark
  EXPECT_EQ(DescribeBrokenUtf8("caf\xE9"), "broken UTF-8 at byte 4");
}

TEST(Utf8Test, WhatNoWriterMayMakeIsBroken) {
  EXPECT_EQ(FindBrokenUtf8("\xC0\x80"), 0U);          // a longer form of U+0000
  EXPECT_EQ(FindBrokenUtf8("\xED\xA0\x80"), 0U);      // half a surrogate pair
  EXPECT_EQ(FindBrokenUtf8("\xF4\x90\x80\x80"), 0U);  // beyond U+10FFFF
}

}  // namespace
}  // namespace tributary
