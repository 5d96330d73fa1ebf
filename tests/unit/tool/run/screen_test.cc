#include "tool/run/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What `act` prints.
template <typename Act>
std::string Printed(const Act& act) {
  testing::internal::CaptureStdout();
  act();
  return testing::internal::GetCapturedStdout();
}

TEST(ScreenTest, OffATerminalThereAreLinesAndNoBlock) {
  Screen screen(false);
  EXPECT_EQ(Printed([&] {
              screen.Paint({"a block"});
              screen.Print("a line");
              screen.Paint({"a block"});
            }),
            "a line\n");
}

TEST(ScreenTest, ABlockIsReplacedInPlace) {
  Screen screen(true);
  EXPECT_EQ(Printed([&] { screen.Paint({"one", "two"}); }), "one\ntwo\n");
  EXPECT_EQ(Printed([&] { screen.Paint({"three"}); }), "\033[2A\033[Jthree\n");
  EXPECT_EQ(Printed([&] { screen.Paint({"four"}); }), "\033[1A\033[Jfour\n");
}

TEST(ScreenTest, ALineStaysAboveTheBlock) {
  Screen screen(true);
  screen.Paint({"block"});
  EXPECT_EQ(Printed([&] { screen.Print("line"); }), "\033[1A\033[Jline\nblock\n");
}

TEST(ScreenTest, ALineWithoutABlockRepaintsNone) {
  Screen screen(true);
  EXPECT_EQ(Printed([&] { screen.Print("line"); }), "line\n");
}

TEST(ScreenTest, AReleasedBlockStays) {
  Screen screen(true);
  screen.Paint({"block"});
  screen.Release();
  EXPECT_EQ(Printed([&] { screen.Print("after"); }), "after\n");
}

// A line that wraps would make the way back up too short.
TEST(ScreenTest, LinesEndBeforeTheEdge) {
  Screen screen(true);
  const std::string line(500, 'x');
  const std::string printed = Printed([&] { screen.Paint({line}); });
  EXPECT_LT(printed.size(), 500U);
  EXPECT_THAT(printed, StartsWith("xxxx"));
}

// Cutting between the bytes of a letter leaves half of it, which terminals show as rubbish.
TEST(ScreenTest, LettersAreNotCutInTwo) {
  Screen screen(true);
  std::string line;
  for (int i = 0; i < 250; ++i) line += "\xc3\xa9";  // e acute: two bytes, one column
  for (const std::string indent : {"", " "}) {
    std::string printed = Printed([&] { screen.Paint({indent + line}); });
    ASSERT_EQ(printed.back(), '\n');
    printed.pop_back();
    EXPECT_THAT(printed, Not(HasSubstr("\n")));
    EXPECT_NE(static_cast<unsigned char>(printed.back()), 0xc3U) << "half a letter";
    screen.Release();
  }
}

}  // namespace
}  // namespace tributary
