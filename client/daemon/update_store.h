// UpdateStore: finished updates on the client's disk, so that none is trained twice.
//
// For each update two files, named by a hash of the run and by the round:
//
//   <run>-<round>.chunks   the encoded delta; see common/codec/encoded_state.h
//   <run>-<round>.json     samples, report and manifest; written last, so that chunks without it
//   are
//                          what a crash left behind
//
// The two latest rounds of a run are kept, even after they were accepted: a coordinator that was
// killed before it committed the round asks for the update again. How long those of earlier runs
// stay: state_folder.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/codec/encoded_state.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

struct FinishedUpdate {
  uint32_t round = 0;
  uint64_t samples = 0;
  v1::TrainingReport report{};
  std::string manifest_digest{};  // of the tensors in `state`
  std::shared_ptr<const EncodedState> state{};
};

// Thread-safe, as long as one thread at a time changes what is kept.
class UpdateStore {
 public:
  // `folder` must exist. Deletes files that a crash left incomplete and, with a warning, damaged
  // updates.
  UpdateStore(std::string folder, std::shared_ptr<spdlog::logger> log);

  // Rounds of `run_id` that are held, ascending.
  std::vector<uint32_t> HeldRounds(const std::string& run_id) const;

  // Keeps `update`, and of the others only the latest earlier round of the same run.
  // ResourceExhausted if the disk is full; what was held of other rounds then stays.
  absl::Status Save(const std::string& run_id, const FinishedUpdate& update);

  // NotFound if it is not held. A damaged one, or one of other tensors than `manifest_digest`
  // says, is deleted with a warning: NotFound as well.
  absl::StatusOr<FinishedUpdate> Load(const std::string& run_id, uint32_t round,
                                      const std::string& manifest_digest);

  void Drop(const std::string& run_id, uint32_t round);
  void DropAll();

 private:
  absl::StatusOr<FinishedUpdate> Read(const std::string& stem) const;
  // Paths without their endings of all updates whose description is there.
  std::vector<std::string> Stems() const;
  std::string Stem(const std::string& run_id, uint32_t round) const;
  void Delete(const std::string& stem) const;

  std::string folder_;
  std::shared_ptr<spdlog::logger> log_;
};

}  // namespace tributary
