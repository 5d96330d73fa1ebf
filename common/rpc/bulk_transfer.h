// The two calls that move weights, from the client's side: what the daemon and the benchmark's
// clients do alike once a call may be made. Deadlines and cancellation are the context's.
#pragma once

#include <cstdint>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/codec/encoded_state.h"
#include "common/rpc/channel.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// Pulls and hands each serialized chunk to `take`; an error of it ends the call and is returned.
absl::Status PullChunks(grpc::GenericStub* stub, const v1::PullRequest& request,
                        grpc::ClientContext* context,
                        absl::FunctionRef<absl::Status(absl::string_view chunk)> take);

// Pushes the chunks of `update` from header.first_chunk() on, after the header. Internal if the
// coordinator asks for chunks beyond the last, or its answer is not an UpdateState.
//
// Over a connection of its own, which ends with the push: a connection that has received much keeps
// megabytes of the coordinator's memory for its next read, which comes a round later.
absl::StatusOr<v1::UpdateState> PushChunks(const Dial& dial, const v1::PushHeader& header,
                                           const EncodedState& update,
                                           grpc::ClientContext* context);

}  // namespace tributary
