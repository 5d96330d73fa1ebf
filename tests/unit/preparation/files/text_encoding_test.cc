#include "preparation/files/text_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(TextEncodingTest, TextOfAnyEncodingBecomesUtf8) {
  EXPECT_EQ(*ToUtf8("B\xe4r", "latin1"), "B\xc3\xa4r");
  EXPECT_EQ(*ToUtf8("\x80", "windows-1252"), "\xe2\x82\xac");
  EXPECT_EQ(*ToUtf8(absl::string_view("\xff\xfe\x42\0\xe4\0", 6), "UTF-16"), "B\xc3\xa4");
  EXPECT_EQ(*ToUtf8("", "latin1"), "");
  // Longer than a piece, with an end within a character.
  std::string large(200'001, '\xe4');
  EXPECT_EQ(ToUtf8(large, "latin1")->size(), 400'002U);
}

TEST(TextEncodingTest, WhatMeansNothingIsRefusedByItsPlace) {
  EXPECT_EQ(ToUtf8("a", "utf-nine").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckEncoding("").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(CheckEncoding("Shift_JIS").ok());
  const auto broken = ToUtf8("abc\xff", "US-ASCII");
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("byte 4 means nothing"));
  EXPECT_FALSE(ToUtf8("ab\xc3", "UTF-8").ok()) << "cut short";
}

TEST(TextEncodingTest, AByteOrderMarkNamesItsEncoding) {
  EXPECT_EQ(EncodingByMark("\xff\xfe"
                           "a"),
            "UTF-16");
  EXPECT_EQ(EncodingByMark(absl::string_view("\xff\xfe\0\0", 4)), "UTF-32");
  EXPECT_EQ(EncodingByMark("\xef\xbb\xbf"
                           "a"),
            "");
  EXPECT_EQ(EncodingByMark(""), "");
}

TEST(TextEncodingTest, LettersAreComposedAndTakenApart) {
  EXPECT_EQ(Composed("a\xcc\x88"), "\xc3\xa4");
  EXPECT_EQ(Decomposed("\xc3\xa4"), "a\xcc\x88");
  EXPECT_EQ(Composed("plain"), "plain");
  EXPECT_EQ(Composed("\xff"), "\xff");
}

}  // namespace
}  // namespace tributary
