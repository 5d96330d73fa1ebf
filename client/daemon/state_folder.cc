#include "client/daemon/state_folder.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {

absl::StatusOr<StateFolder> StateFolder::Open(const std::string& path) {
  RETURN_IF_ERROR(EnsureWritableFolder(path));
  const std::string lock_path = path + "/lock";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", lock_path));
  // The kernel drops the lock when the process ends, however it ends: no stale lock can stay
  // behind.
  StateFolder folder(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "state folder ", path,
        " is in use by another client: stop that one, or give this one a folder of its own"));
  }
  RETURN_IF_ERROR(folder.ReadRun());
  RETURN_IF_ERROR(EnsureWritableFolder(folder.updates_path()));
  return folder;
}

StateFolder::StateFolder(StateFolder&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      run_id_(std::move(other.run_id_)) {}

StateFolder::~StateFolder() {
  if (lock_ >= 0) close(lock_);
}

absl::Status StateFolder::ReadRun() {
  absl::StatusOr<std::string> text = ReadFile(run_path());
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto run_id = json.is_object() ? json.find("run_id") : json.end();
  if (!json.is_object() || run_id == json.end() || !run_id->is_string()) {
    return absl::DataLossError(absl::StrCat(
        run_path(), ": is damaged, expected {\"run_id\": \"...\"}; delete it to join any run"));
  }
  run_id_ = run_id->get<std::string>();
  return absl::OkStatus();
}

absl::Status StateFolder::RememberRun(const std::string& run_id, const std::string& run_name) {
  if (run_id == run_id_) return absl::OkStatus();
  // A name from the coordinator may not be UTF-8, on which dump() would throw; bad bytes are
  // replaced.
  const std::string text = nlohmann::json{{"run_id", run_id}, {"run_name", run_name}}.dump(
      2, ' ', false, nlohmann::json::error_handler_t::replace);
  RETURN_IF_ERROR(WriteFileAtomically(run_path(), text + "\n"));
  run_id_ = run_id;
  return absl::OkStatus();
}

absl::Status StateFolder::ForgetRun() {
  run_id_.clear();
  if (unlink(run_path().c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot delete ", run_path()));
  }
  return absl::OkStatus();
}

}  // namespace tributary
