// The bulk streams on gRPC: a pull writes a round's chunks, a push reads a client's. What they mean
// is transfer_session.h's.
#pragma once

#include <optional>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "common/rpc/status_proto.h"
#include "server/service/transfer_session.h"
#include "server/service/workers.h"

namespace tributary {

// Owns itself until OnDone().
class PullReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  PullReactor(const ServiceDependencies& dependencies, const grpc::ByteBuffer& request);
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  absl::Status Open(const ServiceDependencies& dependencies, const grpc::ByteBuffer& request);
  void WriteNext();

  std::optional<PullSession> session_;
  grpc::ByteBuffer chunk_;
};

// Owns itself until OnDone(). Chunks are verified as they come; the complete upload is added on a
// worker, whose answer ends the stream. While the round has no room for it, nothing is read.
class PushReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  PushReactor(const ServiceDependencies& dependencies, WorkerPool* workers,
              grpc::ByteBuffer* answer);
  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Begin();
  void Append();
  void End(const TransferEnd& end);

  PushSession session_;
  WorkerPool* const workers_;
  grpc::ByteBuffer* const answer_;
  grpc::ByteBuffer message_;
};

}  // namespace tributary
