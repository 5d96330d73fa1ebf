#include "common/base/terminal.h"

#include <cstdlib>
#include <optional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tributary {
namespace {

// A pseudo-terminal, and the two variables as a test wants them.
class TerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    master_ = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(master_, 0);
    ASSERT_EQ(grantpt(master_), 0);
    ASSERT_EQ(unlockpt(master_), 0);
    terminal_ = open(ptsname(master_), O_RDWR | O_NOCTTY);
    ASSERT_GE(terminal_, 0);
    Resize(24, 80);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
  }
  void TearDown() override {
    close(terminal_);
    close(master_);
    unsetenv("NO_COLOR");
    if (term_.has_value()) {
      setenv("TERM", term_->c_str(), 1);
    } else {
      unsetenv("TERM");
    }
  }
  void Resize(unsigned short rows, unsigned short columns) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);
  }

  const std::optional<std::string> term_ =
      getenv("TERM") == nullptr ? std::nullopt : std::optional<std::string>(getenv("TERM"));
  int master_ = -1, terminal_ = -1;
};

TEST_F(TerminalTest, ATerminalCanRepaint) { EXPECT_TRUE(CanRepaint(terminal_)); }

TEST_F(TerminalTest, ADumbOneCannot) {
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(CanRepaint(terminal_));
  unsetenv("TERM");
  EXPECT_FALSE(CanRepaint(terminal_));
  setenv("TERM", "", 1);
  EXPECT_FALSE(CanRepaint(terminal_));
}

TEST_F(TerminalTest, NoColorAsksForPlainText) {
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(CanRepaint(terminal_));
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(CanRepaint(terminal_)) << "empty is as unset: no-color.org";
}

TEST_F(TerminalTest, ANarrowOneGetsPlainText) {
  Resize(24, 39);
  EXPECT_FALSE(CanRepaint(terminal_));
  Resize(9, 80);
  EXPECT_FALSE(CanRepaint(terminal_));
  Resize(10, 40);
  EXPECT_TRUE(CanRepaint(terminal_));
}

TEST_F(TerminalTest, TellsItsSize) {
  Resize(50, 132);
  EXPECT_EQ(SizeOfTerminal(terminal_).rows, 50u);
  EXPECT_EQ(SizeOfTerminal(terminal_).columns, 132u);
}

TEST_F(TerminalTest, WhatIsNoTerminalHasTheUsualSizeAndCannotRepaint) {
  const int file = open("/dev/null", O_RDWR);
  EXPECT_FALSE(CanRepaint(file));
  EXPECT_EQ(SizeOfTerminal(file).rows, 24u);
  EXPECT_EQ(SizeOfTerminal(file).columns, 80u);
  close(file);
}

}  // namespace
}  // namespace tributary
