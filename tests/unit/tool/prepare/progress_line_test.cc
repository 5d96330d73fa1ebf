#include "tool/prepare/progress_line.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What `act` prints to standard error, which is no terminal here.
template <typename Act>
std::string Printed(const Act& act) {
  testing::internal::CaptureStderr();
  act();
  return testing::internal::GetCapturedStderr();
}

PrepareProgress At(int64_t done, int64_t total, int64_t resumed = 0) {
  PrepareProgress progress;
  progress.done = done;
  progress.total = total;
  progress.resumed = resumed;
  return progress;
}

TEST(ProgressLineTest, EachTenthIsALine) {
  const std::string printed = Printed([] {
    ProgressLine line("icons");
    for (int64_t done = 1; done <= 1000; ++done) line.Show(At(done, 1000));
  });
  EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 11) << "0 to 9 tenths, and the end";
  EXPECT_THAT(printed, HasSubstr("icons: 1000 of 1000 images"));
  EXPECT_THAT(printed, Not(HasSubstr("from before")));
}

TEST(ProgressLineTest, WhatAnInterruptedRunHadDoneIsSaid) {
  const std::string printed = Printed([] {
    ProgressLine line("icons");
    line.Show(At(40, 100, 40));
  });
  EXPECT_THAT(printed, HasSubstr("40 of 100 images (40 from before)"));
  EXPECT_THAT(printed, Not(HasSubstr("images/s"))) << "nothing was done yet in this one";
}

TEST(ProgressLineTest, TheLastOneIsShownWhateverWasShownBefore) {
  const std::string printed = Printed([] {
    ProgressLine line("icons");
    line.Show(At(7, 7));
    line.Show(At(7, 7));
  });
  EXPECT_EQ(std::count(printed.begin(), printed.end(), '\n'), 2);
}

TEST(ProgressLineTest, NothingToDoIsAllDone) {
  EXPECT_THAT(Printed([] {
                ProgressLine line("words");
                line.Show(At(0, 0));
              }),
              HasSubstr("words: 0 of 0 images"));
}

}  // namespace
}  // namespace tributary
