// BulkCall: one streaming call that moves weights as bytes, driven by a thread that may block.
//
// Serves client, server and bidirectional streams alike. One write is under way while the caller
// prepares the next, and one read while it uses the last. Every wait ends with the call's deadline.
//
// The thread polls the call's own completion queue and so does the connection's work while it
// waits, as in gRPC's synchronous interface. A separate polling thread would cost two wake-ups for
// each message.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"

namespace tributary {

// Used by one thread; others may cancel `context`.
class BulkCall {
 public:
  // Begins the call. `method`: "/package.Service/Method". `context` has a deadline; both must
  // outlive the object.
  BulkCall(grpc::GenericStub* stub, const std::string& method, grpc::ClientContext* context);
  // Cancels a call that was not finished, and waits for its end.
  ~BulkCall();
  BulkCall(const BulkCall&) = delete;
  BulkCall& operator=(const BulkCall&) = delete;

  // Waits until the message before is sent, then begins to send this one. False if the call is
  // over; Finish() says why.
  bool Write(const grpc::ByteBuffer& message);
  // Tells the peer that no more messages follow.
  void WritesDone();
  // The next message. False if there is none.
  bool Read(grpc::ByteBuffer* message);
  // Waits for the end; messages that were not read are dropped.
  absl::Status Finish();

 private:
  // An operation of gRPC's, whose address is its tag.
  struct Operation {
    bool running = false;
    bool failed = false;  // once true, all later operations of this kind fail too
  };
  void Begin(Operation* operation) { operation->running = true; }
  void Await(const Operation& operation);
  void StartRead();

  grpc::ClientContext* const context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer incoming_;  // belongs to gRPC while a read is running
  Operation sending_, reading_, finishing_;
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace tributary
