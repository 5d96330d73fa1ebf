// BulkCall: one call that moves weights, as bytes, from a thread that may wait.
//
// Serves the three kinds of streaming call alike. One write is on its way while the next is made,
// and one read while the last is used. Every wait ends with the call's deadline.
#pragma once

#include <string>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace tributary {

// Used by one thread.
class BulkCall : private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Begins the call. `method`: "/package.Service/Method". `context` has a deadline; both must
  // outlive the object.
  BulkCall(grpc::GenericStub* stub, const std::string& method, grpc::ClientContext* context);
  // Cancels a call that was not finished, and waits for its last callback.
  ~BulkCall() override;
  BulkCall(const BulkCall&) = delete;
  BulkCall& operator=(const BulkCall&) = delete;

  // Sends a message, once the one before it is on its way. False if the call is over: Finish() says
  // why.
  bool Write(grpc::ByteBuffer message);
  // No more writes.
  void WritesDone();
  // The next message. False if there is none.
  bool Read(grpc::ByteBuffer* message);
  // Waits for the end; messages that were not read are dropped.
  absl::Status Finish();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext* const context_;
  bool released_ = false;
  grpc::ByteBuffer outgoing_, incoming_;  // belong to gRPC while an operation is under way
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_failed_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool no_more_ ABSL_GUARDED_BY(mutex_) = false;  // nothing more can be read
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
