// The bulk streams: a pull writes a round's chunks, a push reads a client's.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "absl/status/statusor.h"
#include "common/rpc/status_proto.h"
#include "server/service/attend_session.h"
#include "server/service/workers.h"

namespace tributary {

// A client and the live round that a transfer belongs to.
struct TransferParty {
  std::string client;
  std::shared_ptr<LiveRound> round;
};

// Unauthenticated for an unknown session; FailedPrecondition if `round` is not under way.
absl::StatusOr<TransferParty> FindParty(const ServiceParts& parts, const std::string& session,
                                        uint32_t round);

// STATE_LATE with the status's message.
v1::UpdateState LateState(const absl::Status& status);

// Owns itself until OnDone().
class PullReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  PullReactor(const ServiceParts& parts, const grpc::ByteBuffer& request);
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  absl::Status Open(const ServiceParts& parts, const grpc::ByteBuffer& request);
  void WriteNext();

  std::shared_ptr<LiveRound> round_;
  std::shared_ptr<const EncodedState> state_;
  size_t next_ = 0;
  grpc::ByteBuffer chunk_;
};

// Owns itself until OnDone(). Chunks are verified as they come; the complete upload is added on a
// worker, whose answer ends the stream. While the round has no room for it, nothing is read.
class PushReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  PushReactor(const ServiceParts& parts, WorkerPool* workers, grpc::ByteBuffer* answer);
  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Begin();
  void Append();
  void Add();
  void Answer(const v1::UpdateState& state);
  void Fail(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void TellRefused(const v1::UpdateState& state);

  const ServiceParts parts_;
  WorkerPool* const workers_;
  grpc::ByteBuffer* const answer_;
  TransferParty party_;
  int ticket_ = -1;
  absl::Time began_;
  grpc::ByteBuffer message_;
};

}  // namespace tributary
