// Transfer: single calls that move weights. Each has a deadline and is cancelled with its task.
//
// Nothing is retried here. A call that breaks leaves the chunks that have arrived in the decoder or
// at the coordinator, and the next call continues behind them; see task_run.h.
#pragma once

#include <cstdint>

#include <grpcpp/generic/generic_stub.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/daemon/update_store.h"
#include "client/daemon/work_gate.h"
#include "common/codec/state_decoder.h"
#include "common/rpc/channel.h"
#include "common/train/task_counts.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

// Used by one thread.
class Transfer {
 public:
  // All must outlive the object. `bulk` is of the same channel as `stub`; pushes dial their own.
  Transfer(v1::Federation::StubInterface* stub, grpc::GenericStub* bulk, const Dial* dial,
           WorkGate* gate, CancelToken* token)
      : stub_(stub), bulk_(bulk), dial_(dial), gate_(gate), token_(token) {}

  // Pulls from the decoder's next chunk on. `held_version`: version of the values to which the
  // decoder can add differences, 0 for none. OK if the decoder is complete. A chunk that the
  // decoder refuses ends the call with the decoder's status.
  absl::Status Pull(const SessionTerms& terms, uint32_t round, absl::Duration limit,
                    uint64_t held_version, StateDecoder* decoder);

  // What the coordinator holds of `update`. It may delay the answer until it is this client's turn
  // to upload.
  absl::StatusOr<v1::UpdateState> Ask(const SessionTerms& terms, const FinishedUpdate& update,
                                      absl::Duration limit);

  // Reports what a task that evaluates has counted.
  absl::StatusOr<v1::UpdateState> ReportEvaluation(const SessionTerms& terms, uint32_t round,
                                                   const TaskCounts& counts, absl::Duration limit);

  // Pushes `update` from `first_chunk` on.
  absl::StatusOr<v1::UpdateState> Push(const SessionTerms& terms, const FinishedUpdate& update,
                                       uint32_t first_chunk, absl::Duration limit);

 private:
  v1::Federation::StubInterface* const stub_;
  grpc::GenericStub* const bulk_;
  const Dial* const dial_;
  WorkGate* const gate_;
  CancelToken* const token_;
};

}  // namespace tributary
