#include "client/daemon/state_folder.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "client/daemon/run_files.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

absl::Status WriteRun(const std::string& path, const std::string& run_id,
                      const std::string& run_name, const std::vector<std::string>& earlier) {
  nlohmann::json json = {{"run_id", run_id}, {"run_name", run_name}};
  if (!earlier.empty()) json["earlier"] = earlier;
  // A name from the coordinator may not be UTF-8, on which dump() would throw; bad bytes are
  // replaced.
  return WriteFileAtomically(
      path, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

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
      run_id_(std::move(other.run_id_)),
      earlier_(std::move(other.earlier_)) {}

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
  const nlohmann::json earlier = json.value("earlier", nlohmann::json::array());
  const auto is_text = [](const nlohmann::json& id) { return id.is_string(); };
  if (!earlier.is_array() || !std::all_of(earlier.begin(), earlier.end(), is_text)) {
    return absl::DataLossError(absl::StrCat(
        run_path(), ": is damaged: \"earlier\" is no list of run ids; delete it to join any run"));
  }
  run_id_ = run_id->get<std::string>();
  earlier_ = earlier.get<std::vector<std::string>>();
  return absl::OkStatus();
}

void StateFolder::DeleteStateOfOtherRuns() const {
  std::vector<std::string> runs = earlier_;
  if (!run_id_.empty()) runs.push_back(run_id_);
  for (const std::string& folder : {updates_path(), residuals_path(), method_state_path()}) {
    DeleteFilesOfOtherRuns(folder, runs);
  }
}

absl::Status StateFolder::RememberRun(const std::string& run_id, const std::string& run_name) {
  if (run_id == run_id_) return absl::OkStatus();
  std::vector<std::string> earlier;
  if (!run_id_.empty()) earlier.push_back(run_id_);
  for (const std::string& run : earlier_) {
    if (run != run_id && earlier.size() + 1 < kMostRuns) earlier.push_back(run);
  }
  RETURN_IF_ERROR(WriteRun(run_path(), run_id, run_name, earlier));
  run_id_ = run_id;
  earlier_ = std::move(earlier);
  // Last: after a crash before it, the next run that is joined deletes what was left.
  DeleteStateOfOtherRuns();
  return absl::OkStatus();
}

absl::Status StateFolder::ForgetRun() {
  run_id_.clear();
  if (!earlier_.empty()) {
    RETURN_IF_ERROR(WriteRun(run_path(), "", "", earlier_));
  } else if (unlink(run_path().c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot delete ", run_path()));
  }
  DeleteStateOfOtherRuns();
  return absl::OkStatus();
}

}  // namespace tributary
