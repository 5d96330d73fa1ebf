// ChildProcess: a process that this one starts. Its output goes to a log file or a pipe, and it
// dies with its parent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "absl/status/statusor.h"

namespace tributary {

// Move-only; the destructor kills what still runs.
class ChildProcess {
 public:
  // Starts `arguments[0]`. Standard error goes to `log` (appended), standard output too unless
  // `piped`. NotFound or PermissionDenied if that is no program; of an exec that fails for another
  // reason Poll() tells, with 127.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                            const std::string& log, bool piped);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  // Nothing while it runs; then its exit code, or 128 + the signal that killed it, as shells say.
  std::optional<int> Poll();
  void Signal(int signal);
  // Reads from the pipe what is there and returns the whole lines; waits at most `milliseconds` for
  // the first byte.
  std::vector<std::string> ReadLines(int milliseconds);
  // The whole lines that a process that has ended has left in the pipe.
  std::vector<std::string> ReadRest();

  pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, int pipe) : pid_(pid), pipe_(pipe) {}
  // Reads once, if there is something within `milliseconds`; false at the end of the pipe, too.
  bool Read(int milliseconds);
  std::vector<std::string> TakeLines();

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string partial_;
  std::optional<int> ended_;
};

// The status that the exit code of one of the project's programs stands for: the reverse of
// ExitCodeFor() (common/base/status.h). `code` is not kExitDone.
absl::Status StatusFromExitCode(int code, const std::string& message);

// The last line of a program's log that tells of an error; "see <log>" if there is none.
std::string LastError(const std::string& log);

}  // namespace tributary
