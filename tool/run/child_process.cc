#include "tool/run/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {
namespace {

constexpr int kCannotStart = 127;

// Runs in the child between fork and exec. The parent may have had threads that held locks (the
// allocator's, the log's), so that only async-signal-safe calls are allowed.
[[noreturn]] void Become(char* const* arguments, char* const* environment, int log, int out,
                         pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotStart);  // the parent died before prctl() took effect
  // Out of the terminal's process group: Ctrl-C then reaches the parent alone, which stops its
  // children in order.
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  // The parent blocks stop signals in all its threads, and exec keeps the mask.
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = open("/dev/null", O_RDONLY);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(arguments[0], arguments, environment);
  _exit(kCannotStart);
}

// This process's environment without the variables that stand for flags (TRIBUTARY_STAY, ...):
// children are given theirs on the command line. TRIBUTARY_ASSETS stands for none.
std::vector<char*> EnvironmentOfChild() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    const bool flag =
        absl::StartsWith(text, "TRIBUTARY_") && !absl::StartsWith(text, "TRIBUTARY_ASSETS=");
    if (!flag) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const std::vector<std::string>& arguments,
                                                 const std::string& log, bool piped) {
  if (access(arguments[0].c_str(), X_OK) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot start ", arguments[0]));
  }
  const int log_fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", log));
  std::array<int, 2> ends = {-1, -1};
  if (piped && pipe2(ends.data(), O_CLOEXEC) != 0) {
    close(log_fd);
    return ErrnoStatus(errno, "cannot make a pipe");
  }
  // Made before the fork, because the child must not allocate.
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const std::vector<char*> variables = EnvironmentOfChild();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(raw.data(), variables.data(), log_fd, piped ? ends[1] : log_fd, parent);
  const int error = errno;
  close(log_fd);
  // With the parent's copy of the writing end open, reading would never see the end of the pipe.
  if (ends[1] >= 0) close(ends[1]);
  if (pid > 0) return ChildProcess(pid, ends[0]);
  if (ends[0] >= 0) close(ends[0]);
  return ErrnoStatus(error, absl::StrCat("cannot start ", arguments[0]));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      partial_(std::move(other.partial_)),
      ended_(other.ended_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pipe_, other.pipe_);
  std::swap(partial_, other.partial_);
  std::swap(ended_, other.ended_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pipe_ >= 0) close(pipe_);
  if (pid_ <= 0 || ended_.has_value()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);  // or it would stay behind as a zombie
}

std::optional<int> ChildProcess::Poll() {
  int state = 0;
  if (!ended_.has_value() && waitpid(pid_, &state, WNOHANG) == pid_) {
    ended_ = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
  }
  return ended_;
}

void ChildProcess::Signal(int signal) {
  if (!Poll().has_value()) kill(pid_, signal);
}

bool ChildProcess::Read(int milliseconds) {
  pollfd waiting = {.fd = pipe_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, milliseconds) <= 0) return false;
  std::array<char, 64 << 10> buffer;
  const ssize_t got = read(pipe_, buffer.data(), buffer.size());
  if (got <= 0) {
    // The child has closed its end and may not have exited yet: wait, so that the caller's loop
    // does not spin until Poll() sees the exit.
    poll(nullptr, 0, milliseconds);
    return false;
  }
  partial_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

std::vector<std::string> ChildProcess::ReadLines(int milliseconds) {
  Read(milliseconds);
  return TakeLines();
}

std::vector<std::string> ChildProcess::ReadRest() {
  while (Read(0)) {
  }
  return TakeLines();
}

std::vector<std::string> ChildProcess::TakeLines() {
  std::vector<std::string> lines;
  for (size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
    lines.push_back(partial_.substr(0, end));
    partial_.erase(0, end + 1);
  }
  return lines;
}

absl::Status StatusFromExitCode(int code, const std::string& message) {
  switch (code) {
    case kExitUsage:
      return absl::InvalidArgumentError(message);
    case kExitUnusable:
      return absl::FailedPreconditionError(message);
    case kExitNotPermitted:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

std::string LastError(const std::string& log) {
  std::ifstream file(log);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    const bool error = absl::StrContains(line, "\"error\"") || absl::StrContains(line, "[error]") ||
                       absl::StrContains(line, "[critical]") ||
                       absl::StartsWith(line, "tributary-");
    if (error) last = line;
  }
  return last.empty() ? absl::StrCat("see ", log) : last;
}

}  // namespace tributary
