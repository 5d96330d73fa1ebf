#include "common/rpc/bulk_transfer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/bulk_call.h"
#include "common/rpc/bulk_message.h"

namespace tributary {
namespace {

constexpr char kPullModel[] = "/tributary.v1.Federation/PullModel";
constexpr char kPushUpdate[] = "/tributary.v1.Federation/PushUpdate";

}  // namespace

absl::Status PullChunks(grpc::GenericStub* stub, const v1::PullRequest& request,
                        grpc::ClientContext* context,
                        absl::FunctionRef<absl::Status(absl::string_view chunk)> take) {
  BulkCall call(stub, kPullModel, context);
  // Failures of these two show in Finish(), with the reason.
  call.Write(BufferOf(request));
  call.WritesDone();
  absl::Status refused;
  grpc::ByteBuffer message;
  std::string chunk;  // reused: faulting in new pages would cost as much as the copy
  while (refused.ok() && call.Read(&message)) {
    chunk = CopyBytes(message, 0, std::move(chunk));
    refused = take(chunk);
  }
  // Else Finish() would receive all that is left of the model.
  if (!refused.ok()) context->TryCancel();
  const absl::Status status = call.Finish();
  return refused.ok() ? status : refused;
}

absl::StatusOr<v1::UpdateState> PushChunks(const Dial& dial, const v1::PushHeader& header,
                                           const EncodedState& update,
                                           grpc::ClientContext* context) {
  const std::vector<absl::Cord>& chunks = update.chunks();
  if (header.first_chunk() > chunks.size()) {
    return absl::InternalError(absl::StrCat("the coordinator asks for chunk ", header.first_chunk(),
                                            " of an update of ", chunks.size()));
  }
  v1::PushMessage first;
  *first.mutable_header() = header;
  grpc::GenericStub stub(dial());
  BulkCall call(&stub, kPushUpdate, context);
  // A failed write means that the coordinator has ended the call, maybe with an answer: it is read
  // below, and the status says why.
  bool open = call.Write(BufferOf(first));
  for (size_t i = header.first_chunk(); open && i < chunks.size(); ++i) {
    open = call.Write(ShareCord(PushOfChunk(chunks[i])));
  }
  call.WritesDone();
  grpc::ByteBuffer answer;
  const bool answered = call.Read(&answer);
  RETURN_IF_ERROR(call.Finish());
  v1::UpdateState state;
  if (answered && ParseBuffer(answer, &state)) return state;
  return absl::InternalError("the coordinator's answer to a push is not an UpdateState message");
}

}  // namespace tributary
