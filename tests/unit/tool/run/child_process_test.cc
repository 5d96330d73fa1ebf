#include "tool/run/child_process.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChildProcessTest : public testing::Test {
 protected:
  ChildProcess Start(const std::string& script, bool piped) {
    auto child = ChildProcess::Start({"/bin/sh", "-c", script}, log_, piped);
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }
  // Its exit code; the wait ends with the process.
  static int Wait(ChildProcess* child) {
    const absl::Time end = absl::Now() + absl::Seconds(30);
    while (absl::Now() < end) {
      if (const std::optional<int> code = child->Poll()) return *code;
      std::this_thread::yield();
    }
    return -1;
  }

  const ScratchFolder scratch_;
  const std::string log_ = scratch_ / "log";
};

TEST_F(ChildProcessTest, LinesComeThroughThePipeAndErrorsGoToTheLog) {
  ChildProcess child = Start("printf 'one\\ntwo\\nthr'; echo trouble >&2", true);
  std::vector<std::string> lines;
  const absl::Time end = absl::Now() + absl::Seconds(30);
  while (lines.size() < 2 && absl::Now() < end) {
    for (std::string& line : child.ReadLines(100)) lines.push_back(std::move(line));
  }
  EXPECT_THAT(lines, ElementsAre("one", "two")) << "a line counts once it is whole";
  EXPECT_EQ(Wait(&child), 0);
  EXPECT_EQ(*ReadFile(log_), "trouble\n");
}

TEST_F(ChildProcessTest, VariablesThatStandForFlagsStayHere) {
  setenv("TRIBUTARY_STAY", "true", 1);
  setenv("TRIBUTARY_ASSETS", "/assets", 1);
  ChildProcess child = Start("echo \"$TRIBUTARY_STAY:$TRIBUTARY_ASSETS:${PATH:+path}\" >&2", false);
  unsetenv("TRIBUTARY_STAY");
  unsetenv("TRIBUTARY_ASSETS");
  EXPECT_EQ(Wait(&child), 0);
  EXPECT_EQ(*ReadFile(log_), ":/assets:path\n");
}

TEST_F(ChildProcessTest, TellsExitCodesAndSignalsApart) {
  ChildProcess failing = Start("exit 3", false);
  EXPECT_EQ(Wait(&failing), 3);
  ChildProcess killed = Start("while :; do :; done", false);
  EXPECT_EQ(killed.Poll(), std::nullopt);
  killed.Signal(SIGKILL);
  EXPECT_EQ(Wait(&killed), 128 + SIGKILL);
}

TEST_F(ChildProcessTest, DoesNotOutliveItsObject) {
  pid_t pid;
  {
    const ChildProcess child = Start("while :; do :; done", false);
    pid = child.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(ChildProcessTest, AProgramThatIsNotThereIsAnError) {
  auto child = ChildProcess::Start({scratch_ / "none"}, log_, false);
  if (child.ok()) {
    EXPECT_NE(Wait(&*child), 0);
  } else {
    EXPECT_THAT(std::string(child.status().message()), HasSubstr("none"));
  }
}

TEST_F(ChildProcessTest, TheLastErrorOfALogIsFound) {
  EXPECT_THAT(LastError(log_), HasSubstr(log_));
  ChildProcess child = Start("echo 'tributary-client: shard x is damaged' >&2", false);
  EXPECT_EQ(Wait(&child), 0);
  EXPECT_THAT(LastError(log_), HasSubstr("shard x is damaged"));
}

TEST(StatusFromExitCodeTest, IsTheReverseOfTheExitCode) {
  for (const int code : {kExitFailed, kExitUsage, kExitUnusable, kExitNotPermitted}) {
    const absl::Status status = StatusFromExitCode(code, "why");
    EXPECT_EQ(ExitCodeFor(status), code);
    EXPECT_EQ(status.message(), "why");
  }
  EXPECT_EQ(ExitCodeFor(StatusFromExitCode(128 + SIGKILL, "")), kExitFailed);
}

}  // namespace
}  // namespace tributary
