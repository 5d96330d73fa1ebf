// StateFolder: the files that a client keeps across restarts.
//
//   lock           held while a client runs on the folder
//   run.json       {"run_id", "run_name"} of the run that it has joined
//   updates/       finished updates; see update_store.h
//   residuals/     residuals of updates in lossy codecs; see residual_store.h
//   method_state/  what the run's method keeps on clients; see round_state_store.h
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tributary {

// Not thread-safe.
class StateFolder {
 public:
  // Creates `path` if need be and locks it. FailedPrecondition if another client runs on it;
  // PermissionDenied or another error if it cannot be written to; DataLoss if run.json is damaged.
  static absl::StatusOr<StateFolder> Open(const std::string& path);
  ~StateFolder();
  StateFolder(StateFolder&& other) noexcept;
  StateFolder& operator=(StateFolder&&) = delete;

  // Empty if no run has been joined.
  const std::string& run_id() const { return run_id_; }
  std::string updates_path() const { return path_ + "/updates"; }
  std::string residuals_path() const { return path_ + "/residuals"; }
  std::string method_state_path() const { return path_ + "/method_state"; }

  absl::Status RememberRun(const std::string& run_id, const std::string& run_name);
  // To be called at the end of a run, so that the client may join another one.
  absl::Status ForgetRun();

 private:
  StateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  absl::Status ReadRun();
  std::string run_path() const { return path_ + "/run.json"; }

  std::string path_;
  int lock_;
  std::string run_id_;
};

}  // namespace tributary
