// The client's side of the two calls that move weights, shared by the daemon and the benchmark's
// clients. Deadlines and cancellation are those of the context.
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

// Pulls the model and passes each serialized chunk to `take`. An error of `take` ends the call and
// is returned.
absl::Status PullChunks(grpc::GenericStub* stub, const v1::PullRequest& request,
                        grpc::ClientContext* context,
                        absl::FunctionRef<absl::Status(absl::string_view chunk)> take);

// Pushes the chunks of `update` from header.first_chunk() on, after the header. Internal if the
// coordinator asks for chunks beyond the last, or its answer is not an UpdateState.
//
// Uses a connection of its own, which ends with the push. On a connection that stays open, the
// coordinator's gRPC keeps megabytes for the next read, which comes a whole round later.
absl::StatusOr<v1::UpdateState> PushChunks(const Dial& dial, const v1::PushHeader& header,
                                           const EncodedState& update,
                                           grpc::ClientContext* context);

}  // namespace tributary
