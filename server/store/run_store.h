// RunStore: the coordinator's memory on disk, in one state folder.
//
//   run.db                       SQLite in WAL mode: run, rounds, transitions, checkpoint files
//   checkpoints/round-000012/    after round 12: globals and auxiliary weights as safetensors,
//                                published models as chunks
//   checkpoints/spare/           files of the last dropped checkpoint, to be overwritten: that is
//                                faster than new files, whose blocks must be allocated first
//   lock                         held while a coordinator uses the folder
//
// A round is committed in one step: its model files are written and synced first, then one
// transaction names them. A crash at any instant leaves the last commit whole; files that no
// transaction names are removed when the folder is opened again. The two newest checkpoints are
// kept, or as many as KeepCheckpoints() says.
//
// Not thread-safe: the coordinator's own thread uses it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "common/tensor/state_dict.h"
#include "server/store/round_record.h"

struct sqlite3;

namespace tributary {

// What a run is after a round: all of it is committed at once.
struct ModelSet {
  std::map<std::string, StateDict> globals;  // by target dataset
  // By target, what its clients download beside the global: auxiliary weights of complementary
  // layers, representations of a public set, control variates.
  std::map<std::string, StateDict> auxiliary;
  // What the method's hooks keep on the coordinator, by StateKey().
  std::map<std::string, StateDict> state = {};
  // Where clients download deltas: the whole model that those are taken from, which differs from
  // the global by what earlier deltas lost; see server/round/published_model.h.
  std::map<std::string, std::shared_ptr<const EncodedState>> published = {};
};

// The key of what `hook` keeps of `target`; `target` may be empty: of the run as a whole. The keys
// are file names, and no target's name has a +.
std::string StateKey(absl::string_view hook, absl::string_view target);

// Model files of a round that no commit names yet.
struct StagedModels {
  std::map<std::string, uint64_t> checksums;          // by name
  std::vector<std::unique_ptr<AtomicFile>> unsynced;  // written, but perhaps not on the disk yet
};

// What identifies a run. `fingerprint` covers the settings that its mathematics depends on.
struct RunIdentity {
  std::string run_id;
  std::string name;
  std::string fingerprint;
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

  // Records that a round has entered a phase. A crash of the machine before the next commit may
  // lose it.
  absl::Status RecordTransition(absl::Time when, int round, int attempt, absl::string_view phase,
                                absl::string_view reason);

  // Writes the models of `round`. On an error (a full disk) the previous commit stands.
  absl::StatusOr<StagedModels> Stage(int round, const ModelSet& models);
  // The same in two steps. The first may be taken while the globals are still merged: `pending`, if
  // not null, is awaited for each tensor before it is read. The second waits for the disk.
  absl::StatusOr<StagedModels> StageGlobals(int round,
                                            const std::map<std::string, StateDict>& globals,
                                            PendingTensors* pending = nullptr) const;
  absl::StatusOr<StagedModels> StageRest(int round, const ModelSet& models,
                                         absl::StatusOr<StagedModels> globals);
  // Makes `record.round`, whose models were staged, the last committed round. On an error the
  // previous commit stands. Round 0 stands for the initial models.
  absl::Status Commit(const RoundRecord& record, const StagedModels& staged, absl::Time when);
  // Stage() and Commit().
  absl::Status Commit(const RoundRecord& record, const ModelSet& models, absl::Time when);

  // The last committed round; nothing if there is none.
  absl::StatusOr<std::optional<int>> LastRound() const;
  // The models of the last commit, checked against their checksums. DataLoss names the damaged
  // file.
  absl::StatusOr<ModelSet> LoadLast() const;
  // All committed rounds from 1 on, in order. DataLoss names a record that cannot be read.
  absl::StatusOr<std::vector<RoundRecord>> History() const;

  // The models of `round`, one of Checkpoints(), checked likewise.
  absl::StatusOr<ModelSet> Load(int round) const;
  // The rounds whose models are kept.
  absl::StatusOr<std::set<int>> Checkpoints() const;
  // From the next commit on, how many of the newest checkpoints are kept: at least 1.
  void KeepCheckpoints(int count) { checkpoints_kept_ = count; }

  const std::string& folder() const { return folder_; }

 private:
  RunStore(std::string folder, int lock_fd) : folder_(std::move(folder)), lock_fd_(lock_fd) {}
  absl::Status OpenDatabase();
  // The files of the last one that is removed become the spare ones.
  absl::Status RemoveUnnamedCheckpoints() const;
  std::string CheckpointFolder(int round) const;
  std::string SpareFolder() const { return folder_ + "/checkpoints/spare"; }
  absl::Status WriteState(int round, const std::string& name, const StateDict& state,
                          PendingTensors* pending, StagedModels* staged) const;
  absl::Status WriteRest(int round, const ModelSet& models, StagedModels* staged) const;
  absl::Status InsertRound(const RoundRecord& record,
                           const std::map<std::string, uint64_t>& checksums, absl::Time when);

  std::string folder_;
  int lock_fd_;
  int checkpoints_kept_ = 2;
  sqlite3* database_ = nullptr;
};

}  // namespace tributary
