#include "client/daemon/transfer.h"

#include <grpcpp/client_context.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/bulk_transfer.h"
#include "common/rpc/counts_proto.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

void SetLimit(absl::Duration limit, grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

v1::PushHeader HeaderOf(const SessionTerms& terms, const FinishedUpdate& update,
                        uint32_t first_chunk) {
  v1::PushHeader header;
  header.set_session(terms.session);
  header.set_round(update.round);
  header.set_first_chunk(first_chunk);
  header.set_chunks(static_cast<uint32_t>(update.state->chunks().size()));
  header.set_samples(update.samples);
  *header.mutable_report() = update.report;
  header.set_bytes(update.state->bytes());
  return header;
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
  RETURN_IF_ERROR(PullChunks(bulk_, request, &context,
                             [&](absl::string_view chunk) { return decoder->Add(chunk); }));
  // A stream that ends with OK may still be short: a coordinator that stops closes its streams.
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

absl::StatusOr<v1::UpdateState> Transfer::ReportEvaluation(const SessionTerms& terms,
                                                           uint32_t round, const TaskCounts& counts,
                                                           absl::Duration limit) {
  v1::EvaluationReport report;
  report.set_session(terms.session);
  report.set_round(round);
  *report.mutable_counts() = CountsToProto(counts);
  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  v1::UpdateState state;
  RETURN_IF_ERROR(FromGrpcStatus(stub_->ReportEvaluation(&context, report, &state)));
  return state;
}

absl::StatusOr<v1::UpdateState> Transfer::Push(const SessionTerms& terms,
                                               const FinishedUpdate& update, uint32_t first_chunk,
                                               absl::Duration limit) {
  grpc::ClientContext context;
  SetLimit(limit, &context);
  WorkGate::CallScope scope(gate_, token_, &context);
  return PushChunks(*dial_, HeaderOf(terms, update, first_chunk), *update.state, &context);
}

}  // namespace tributary
