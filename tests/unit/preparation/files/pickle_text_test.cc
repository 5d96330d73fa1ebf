#include "preparation/files/pickle_text.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(UnquotePythonTest, EscapesAreWhatPythonMeansByThem) {
  const std::pair<const char*, std::string> cases[] = {
      {"''", ""},
      {"'plain'", "plain"},
      {"\"it's\"", "it's"},
      {R"('it\'s "so"')", "it's \"so\""},
      {R"('\n\r\t\a\b\f\v\\')", "\n\r\t\a\b\f\v\\"},
      {R"('\x00\xfF')", std::string("\0\xff", 2)},
      {R"('\0\12\1234')", std::string("\0\n", 2) + "S4"},
  };
  for (const auto& [quoted, expected] : cases) {
    const auto text = UnquotePython(quoted);
    ASSERT_TRUE(text.ok()) << quoted;
    EXPECT_EQ(*text, expected) << quoted;
  }
}

TEST(UnquotePythonTest, WhatIsNoQuotedStringIsRefused) {
  for (const char* quoted : {"", "'", "plain", "'mixed\"", R"('\q')", R"('\x1')", R"('\xg1')"}) {
    EXPECT_EQ(UnquotePython(quoted).status().code(), absl::StatusCode::kInvalidArgument) << quoted;
  }
}

TEST(FromRawUnicodeEscapeTest, Latin1AndEscapesBecomeUtf8) {
  EXPECT_EQ(*FromRawUnicodeEscape("plain"), "plain");
  EXPECT_EQ(*FromRawUnicodeEscape("\xe9"), "\xC3\xA9");
  EXPECT_EQ(*FromRawUnicodeEscape(R"(\u65e5\U0001F600)"), "\xE6\x97\xA5\xF0\x9F\x98\x80");
  EXPECT_EQ(*FromRawUnicodeEscape(R"(a\nb\)"), R"(a\nb\)");  // no other escapes
}

TEST(FromRawUnicodeEscapeTest, EscapesCutShortOrBeyondUnicodeAreRefused) {
  for (const char* text : {R"(\u65e)", R"(\u65eg)", R"(\U0001F60)", R"(\U00110000)"}) {
    EXPECT_FALSE(FromRawUnicodeEscape(text).ok()) << text;
  }
}

TEST(EncodeLatin1Test, CharactersUpTo255AreOneByte) {
  EXPECT_EQ(*EncodeLatin1("abc"), "abc");
  EXPECT_EQ(*EncodeLatin1("\xC2\x80\xC3\xBF"), "\x80\xff");
}

TEST(EncodeLatin1Test, OtherCharactersAndBrokenOnesAreRefused) {
  for (const char* utf8 : {"\xC4\x80", "\xE6\x97\xA5", "\xC3", "\xC3x", "\x80"}) {
    EXPECT_EQ(EncodeLatin1(utf8).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tributary
