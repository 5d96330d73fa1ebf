#include "server/service/transfer_reactors.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/bulk_message.h"

namespace tributary {

PullReactor::PullReactor(const ServiceDependencies& dependencies, const grpc::ByteBuffer& request) {
  const absl::Status opened = Open(dependencies, request);
  if (opened.ok()) {
    WriteNext();
  } else {
    Finish(ToGrpcStatus(opened));
  }
}

absl::Status PullReactor::Open(const ServiceDependencies& dependencies,
                               const grpc::ByteBuffer& request) {
  v1::PullRequest pull;
  if (!ParseBuffer(request, &pull)) {
    return absl::InvalidArgumentError("the request is not a PullRequest message");
  }
  ASSIGN_OR_RETURN(session_, PullSession::Open(dependencies, pull));
  return absl::OkStatus();
}

void PullReactor::WriteNext() {
  const absl::Cord* chunk = session_->Next();
  if (chunk == nullptr) {
    session_.reset();  // OnDone() may come late, and the model is large
    return Finish(grpc::Status::OK);
  }
  chunk_ = ShareCord(*chunk);
  StartWrite(&chunk_);
}

void PullReactor::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the client is gone"));
  WriteNext();
}

PushReactor::PushReactor(const ServiceDependencies& dependencies, WorkerPool* workers,
                         grpc::ByteBuffer* answer)
    : session_(dependencies), workers_(workers), answer_(answer) {
  StartRead(&message_);
}

void PushReactor::OnReadDone(bool ok) {
  if (ok) return session_.begun() ? Append() : Begin();
  if (!session_.begun()) {
    return End(absl::InvalidArgumentError("a push begins with a header"));
  }
  session_.Received();
  workers_->Add([this] { End(session_.Finish()); });
}

void PushReactor::Begin() {
  v1::PushMessage message;
  if (!ParseBuffer(message_, &message) || !message.has_header()) {
    return End(absl::InvalidArgumentError("a push begins with a header"));
  }
  if (const std::optional<TransferEnd> end =
          session_.Begin(message.header(), [this] { StartRead(&message_); })) {
    End(*end);
  }
}

void PushReactor::Append() {
  absl::StatusOr<std::string> chunk = ChunkOfPush(message_, session_.TakeBuffer());
  message_.Clear();
  if (!chunk.ok()) return End(chunk.status());
  if (const std::optional<TransferEnd> end = session_.Append(*std::move(chunk))) {
    End(*end);
  } else {
    StartRead(&message_);
  }
}

void PushReactor::End(const TransferEnd& end) {
  if (end.ok()) *answer_ = BufferOf(*end);
  Finish(ToGrpcStatus(end.status()));
}

}  // namespace tributary
