// RunStore: the coordinator's memory on disk, in one state folder.
//
//   run.db                       SQLite in WAL mode: run, rounds, transitions, checkpoint files
//   checkpoints/round-000012/    after round 12: globals and auxiliary weights as safetensors,
//                                published models as chunks
//   checkpoints/spare/           the files of the one that was forgotten last, to be written over
//   lock                         held while a coordinator uses the folder
//
// A round is committed in one step: its model files are written and synced first, then one
// transaction names them. A crash at any instant leaves the last commit whole; files that no
// transaction names are removed when the folder is opened again. The two newest checkpoints are
// kept.
//
// Not thread-safe: the coordinator's own thread uses it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "common/tensor/state_dict.h"

struct sqlite3;

namespace tributary {

// Globals by target, and by target what its clients download besides: auxiliary weights of
// complementary layers, or representations of a public set.
struct ModelSet {
  std::map<std::string, StateDict> globals;
  std::map<std::string, StateDict> auxiliary;
  // By target, where clients are sent differences: the model that they hold in full; see
  // server/round/published_model.h.
  std::map<std::string, std::shared_ptr<const EncodedState>> published = {};
};

// Model files of a round that no commit names yet.
struct StagedModels {
  std::map<std::string, uint64_t> checksums;          // by name
  std::vector<std::unique_ptr<AtomicFile>> unsynced;  // those that are not on the disk for sure
};

// What identifies a run. `fingerprint` covers the settings that its mathematics depends on.
struct RunIdentity {
  std::string run_id;
  std::string name;
  std::string fingerprint;
};

// What is remembered of a committed round beside the models.
struct RoundRecord {
  int round = 0;
  int attempt = 0;
  double seconds = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  std::string model_hash;                           // empty where not evaluated
  nlohmann::json tasks = nlohmann::json::object();  // metrics by dataset; empty where not evaluated
  nlohmann::json updates = nlohmann::json::object();  // loss, samples, bytes by client
};

class RunStore {
 public:
  // Opens or creates the state folder. FailedPrecondition if another coordinator uses it;
  // PermissionDenied if it cannot be written to; DataLoss if its database is damaged.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(const std::string& folder);
  ~RunStore();
  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;

  // The run that the folder belongs to; nothing in a new folder.
  absl::StatusOr<std::optional<RunIdentity>> Identity() const;
  absl::Status SetIdentity(const RunIdentity& identity);

  // Writes the transition of a round's state machine. It is on the disk with the next commit, or
  // when the system gets round to it.
  absl::Status RecordTransition(absl::Time when, int round, int attempt, absl::string_view phase,
                                absl::string_view reason);

  // Writes the models of `round`. On an error (a full disk) the previous commit stands.
  absl::StatusOr<StagedModels> Stage(int round, const ModelSet& models);
  // The same in two steps. The first may be taken while the globals are still in the making:
  // `await` is called before each tensor is read. The second waits for the disk.
  absl::StatusOr<StagedModels> StageGlobals(int round,
                                            const std::map<std::string, StateDict>& globals,
                                            const AwaitTensor& await = nullptr) const;
  absl::StatusOr<StagedModels> StageRest(int round, const ModelSet& models,
                                         absl::StatusOr<StagedModels> globals);
  // Makes `record.round`, whose models were staged, the last committed round. On an error the
  // previous commit stands. Round 0 stands for the initial models.
  absl::Status Commit(const RoundRecord& record, const StagedModels& staged, absl::Time when);
  // Both.
  absl::Status Commit(const RoundRecord& record, const ModelSet& models, absl::Time when);

  // The last committed round; nothing if there is none.
  absl::StatusOr<std::optional<int>> LastRound() const;
  // The models of the last commit, checked against their checksums. DataLoss names the damaged
  // file.
  absl::StatusOr<ModelSet> LoadLast() const;
  // All committed rounds from 1 on, in order.
  absl::StatusOr<std::vector<RoundRecord>> History() const;

  const std::string& folder() const { return folder_; }

 private:
  RunStore(std::string folder, int lock_fd) : folder_(std::move(folder)), lock_fd_(lock_fd) {}
  absl::Status OpenDatabase();
  // The files of the last of them become the spare ones.
  absl::Status RemoveUnnamedCheckpoints() const;
  std::string CheckpointFolder(int round) const;
  std::string SpareFolder() const { return folder_ + "/checkpoints/spare"; }
  absl::Status WriteState(int round, const std::string& name, const StateDict& state,
                          const AwaitTensor& await, StagedModels* staged) const;
  absl::Status WriteRest(int round, const ModelSet& models, StagedModels* staged) const;
  absl::Status InsertRound(const RoundRecord& record,
                           const std::map<std::string, uint64_t>& checksums, absl::Time when);

  std::string folder_;
  int lock_fd_;
  sqlite3* database_ = nullptr;
};

}  // namespace tributary
