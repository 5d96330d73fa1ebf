#include "client/daemon/transfer.h"

#include <string>
#include <vector>

#include <grpcpp/client_context.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/bulk_call.h"
#include "common/rpc/bulk_message.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

constexpr char kPullModel[] = "/tributary.v1.Federation/PullModel";
constexpr char kPushUpdate[] = "/tributary.v1.Federation/PushUpdate";

void SetLimit(absl::Duration limit, grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

v1::PushMessage Header(const SessionTerms& terms, const FinishedUpdate& update,
                       uint32_t first_chunk) {
  v1::PushMessage message;
  v1::PushHeader* header = message.mutable_header();
  header->set_session(terms.session);
  header->set_round(update.round);
  header->set_first_chunk(first_chunk);
  header->set_chunks(static_cast<uint32_t>(update.state->chunks().size()));
  header->set_samples(update.samples);
  *header->mutable_report() = update.report;
  header->set_bytes(update.state->bytes());
  return message;
}

}  // namespace

absl::Status Transfer::Pull(const SessionTerms& terms, uint32_t round, absl::Duration limit,
                            uint64_t held_version, StateDecoder* decoder) {
  v1::PullRequest request;
  request.set_session(terms.session);
  request.set_round(round);
  request.set_first_chunk(decoder->next_chunk());
  request.set_held_version(held_version);

  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  BulkCall call(bulk_, kPullModel, &context);
  call.Write(BufferOf(request));
  call.WritesDone();
  absl::Status refused;
  grpc::ByteBuffer chunk;
  while (refused.ok() && call.Read(&chunk)) refused = decoder->Add(CopyBytes(chunk));
  if (!refused.ok()) context.TryCancel();
  const absl::Status status = call.Finish();
  RETURN_IF_ERROR(refused);
  RETURN_IF_ERROR(status);
  if (decoder->complete()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the stream ended before chunk ", decoder->next_chunk()));
}

absl::StatusOr<v1::UpdateState> Transfer::Ask(const SessionTerms& terms,
                                              const FinishedUpdate& update, absl::Duration limit) {
  v1::UpdateQuery query;
  query.set_session(terms.session);
  query.set_round(update.round);
  query.set_bytes(update.state->bytes());
  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  v1::UpdateState state;
  RETURN_IF_ERROR(FromGrpcStatus(stub_->AskUpdate(&context, query, &state)));
  return state;
}

absl::StatusOr<v1::UpdateState> Transfer::Push(const SessionTerms& terms,
                                               const FinishedUpdate& update, uint32_t first_chunk,
                                               absl::Duration limit) {
  const std::vector<absl::Cord>& chunks = update.state->chunks();
  if (first_chunk > chunks.size()) {
    return absl::InternalError(absl::StrCat("the coordinator asks for chunk ", first_chunk,
                                            " of an update of ", chunks.size()));
  }
  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  BulkCall call(bulk_, kPushUpdate, &context);
  // A write that fails means that the coordinator has ended the call: its status tells why.
  bool open = call.Write(BufferOf(Header(terms, update, first_chunk)));
  for (size_t i = first_chunk; open && i < chunks.size(); ++i) {
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
