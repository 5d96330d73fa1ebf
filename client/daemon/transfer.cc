#include "client/daemon/transfer.h"

#include <string>
#include <vector>

#include <grpcpp/client_context.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

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
  return message;
}

}  // namespace

absl::Status Transfer::Pull(const SessionTerms& terms, uint32_t round, absl::Duration limit,
                            StateDecoder* decoder) {
  v1::PullRequest request;
  request.set_session(terms.session);
  request.set_round(round);
  request.set_first_chunk(decoder->next_chunk());

  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  const auto stream = stub_->PullModel(&context, request);
  absl::Status refused;
  v1::Chunk chunk;
  while (refused.ok() && stream->Read(&chunk)) {
    refused = decoder->Add(chunk.SerializeAsString());
  }
  if (!refused.ok()) {
    context.TryCancel();
    while (stream->Read(&chunk)) {
    }
  }
  const absl::Status status = FromGrpcStatus(stream->Finish());
  RETURN_IF_ERROR(refused);
  RETURN_IF_ERROR(status);
  if (decoder->complete()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the stream ended before chunk ", decoder->next_chunk()));
}

absl::StatusOr<v1::UpdateState> Transfer::Ask(const SessionTerms& terms, uint32_t round,
                                              absl::Duration limit) {
  v1::UpdateQuery query;
  query.set_session(terms.session);
  query.set_round(round);
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
  const std::vector<std::string>& chunks = update.state->chunks();
  if (first_chunk > chunks.size()) {
    return absl::InternalError(absl::StrCat("the coordinator asks for chunk ", first_chunk,
                                            " of an update of ", chunks.size()));
  }
  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  v1::UpdateState state;
  const auto stream = stub_->PushUpdate(&context, &state);
  // A write that fails means that the coordinator has ended the call: its status tells why.
  bool open = stream->Write(Header(terms, update, first_chunk));
  v1::PushMessage message;
  for (size_t i = first_chunk; open && i < chunks.size(); ++i) {
    if (!message.mutable_chunk()->ParseFromString(chunks[i])) {
      context.TryCancel();
      stream->Finish();
      return absl::InternalError(absl::StrCat("chunk ", i, " of the update is not a chunk"));
    }
    open = stream->Write(message);
  }
  if (open) stream->WritesDone();
  RETURN_IF_ERROR(FromGrpcStatus(stream->Finish()));
  return state;
}

}  // namespace tributary
