// StateFolder: the files that a client keeps across restarts.
//
//   lock           held while a client runs on the folder
//   run.json       {"run_id", "run_name", "earlier"}: the run that it has joined, and the ids of
//                  runs before it that are not finished
//   updates/       finished updates; see update_store.h
//   residuals/     residuals of updates in lossy codecs; see residual_store.h
//   method_state/  what the run's method keeps on clients; see round_state_store.h
//
// What is kept for a run stays apart from that of other runs. It is deleted when the run is
// finished, and when kMostRuns later ones were joined without it: a coordinator that comes back
// with an earlier run finds the client's work for it, and a client that sees many runs does not
// fill its disk.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tributary {

// Not thread-safe.
class StateFolder {
 public:
  // Runs whose state is kept, the present one included.
  static constexpr size_t kMostRuns = 2;

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

  // The runs before it whose state is kept, latest first.
  const std::vector<std::string>& earlier_runs() const { return earlier_; }

  // Makes this the present run. The one before becomes an earlier run; what is kept for runs beyond
  // kMostRuns is deleted. On an error all stays as it was.
  absl::Status RememberRun(const std::string& run_id, const std::string& run_name);
  // To be called at the end of a run, so that the client may join another one: deletes what is kept
  // for it.
  absl::Status ForgetRun();

 private:
  StateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  absl::Status ReadRun();
  void DeleteStateOfOtherRuns() const;
  std::string run_path() const { return path_ + "/run.json"; }

  std::string path_;
  int lock_;
  std::string run_id_;
  std::vector<std::string> earlier_;
};

}  // namespace tributary
