// TaskRun: one task from the offer to the coordinator's receipt.
//
//   held on disk?  -- no -->  pull -> train -> encode -> keep on disk
//        |                                                  |
//        +---------------------- yes -----------------------+--> ask -> push -> receipt
//
// A client owns its task. If the connection, the coordinator or a session breaks, the run waits for
// the next session and continues where it stopped; training itself never waits for a connection. A
// task ends early only if it is cancelled, if its own data or model fail, or if the coordinator
// refuses the transfer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/daemon/progress_board.h"
#include "client/daemon/residual_store.h"
#include "client/daemon/round_state_store.h"
#include "client/daemon/task_trainer.h"
#include "client/daemon/timings.h"
#include "client/daemon/transfer.h"
#include "client/daemon/transfer_retry.h"
#include "client/daemon/update_store.h"
#include "client/daemon/work_gate.h"

namespace tributary {

// The objects that all tasks of a client share. Pointers must outlive every run.
struct WorkPlace {
  v1::Federation::StubInterface* stub = nullptr;
  grpc::GenericStub* bulk = nullptr;  // of the same channel
  const Dial* dial = nullptr;         // for pushes
  UpdateStore* store = nullptr;
  ResidualStore* residuals = nullptr;
  RoundStateStore* method_states = nullptr;
  WorkGate* gate = nullptr;
  ProgressBoard* board = nullptr;
  std::shared_ptr<spdlog::logger> log;
  std::string client;
  uint64_t samples = 0;  // training samples of the shard
  int threads = 1;       // for encoding
  Timings timings;
};

// The model of the client's last pull, to which the next pull may add differences.
struct HeldModel {
  uint64_t version = 0;  // 0: nothing
  StateDict values;
};

// Used by one thread, once.
class TaskRun {
 public:
  // `held` is used and replaced.
  TaskRun(const WorkPlace& place, const v1::Task& task, TaskTrainer* trainer, HeldModel* held,
          CancelToken* token);

  // OK: the coordinator has accepted the update, no longer wants it, or has refused it; the log
  // says which. CancelledError if cancelled. DataLoss: the shard is damaged. Anything else: this
  // task failed.
  absl::Status Run();

 private:
  // A task that evaluates: pulls, counts, reports. Without a session it waits, as pushes do.
  absl::Status Evaluate();
  absl::Status ReportCounts(const TaskCounts& counts);
  absl::StatusOr<FinishedUpdate> HeldOrTrained();
  // Pulls the round's model into *held_.
  absl::Status Pull(const SessionTerms& terms);
  absl::Status PullForTask(const SessionTerms& terms);
  absl::StatusOr<FinishedUpdate> Train(const SessionTerms& terms);
  // What the method kept of this client's last merged round; empty if it keeps nothing.
  StateDict MethodState(const SessionTerms& terms) const;
  // Encodes the delta, which is consumed, with error feedback where the codec asks for it.
  std::shared_ptr<const EncodedState> Encode(const SessionTerms& terms, Codec codec,
                                             StateDict delta);
  void Keep(const SessionTerms& terms, const FinishedUpdate& update);
  absl::Status Deliver(const FinishedUpdate& update);
  // Asks, and pushes if wanted. `*next_chunk`: the next chunk that the coordinator last asked for.
  absl::StatusOr<v1::UpdateState> AskAndPush(const SessionTerms& terms,
                                             const FinishedUpdate& update, absl::Duration limit,
                                             uint32_t* next_chunk);
  void Close(const FinishedUpdate& update, const SessionTerms& terms, const v1::UpdateState& state);
  TransferRetry Retry(const char* what) const;

  const WorkPlace& place_;
  const v1::Task& task_;
  TaskTrainer* const trainer_;
  HeldModel* const held_;
  CancelToken* const token_;
  Transfer transfer_;
};

}  // namespace tributary
