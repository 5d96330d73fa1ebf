#include "common/rpc/bulk_call.h"

#include "common/rpc/status_proto.h"

namespace tributary {

BulkCall::BulkCall(grpc::GenericStub* stub, const std::string& method, grpc::ClientContext* context)
    : context_(context), stream_(stub->PrepareCall(context, method, &queue_)) {
  // StartCall counts as a send, so that the first Write() waits for it. A read need not wait.
  Begin(&sending_);
  stream_->StartCall(&sending_);
  StartRead();
}

BulkCall::~BulkCall() {
  if (!finished_) context_->TryCancel();
  Finish().IgnoreError();
  // gRPC requires a queue to be drained before it is destroyed.
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

// Takes events off the queue until `operation` is done. Events of other operations may come first;
// they are marked as done and found so by their own Await().
void BulkCall::Await(const Operation& operation) {
  while (operation.running) {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok)) return;
    auto* const done = static_cast<Operation*>(tag);
    done->running = false;
    // Stays set: after a failure gRPC reports nothing but failures for this direction of the call.
    done->failed |= !ok;
  }
}

void BulkCall::StartRead() {
  Begin(&reading_);
  stream_->Read(&incoming_, &reading_);
}

bool BulkCall::Write(const grpc::ByteBuffer& message) {
  Await(sending_);
  if (sending_.failed) return false;
  Begin(&sending_);
  stream_->Write(message, &sending_);
  return true;
}

void BulkCall::WritesDone() {
  Await(sending_);
  if (sending_.failed) return;
  Begin(&sending_);
  stream_->WritesDone(&sending_);
}

bool BulkCall::Read(grpc::ByteBuffer* message) {
  Await(reading_);
  if (reading_.failed) return false;
  // The next read begins before the caller uses this message, so that the network is never idle.
  message->Swap(&incoming_);
  incoming_.Clear();
  StartRead();
  return true;
}

absl::Status BulkCall::Finish() {
  if (!finished_) {
    // A status is delivered only after the last message has been read.
    grpc::ByteBuffer dropped;
    while (Read(&dropped)) {
    }
    Await(sending_);
    Begin(&finishing_);
    stream_->Finish(&status_, &finishing_);
    Await(finishing_);
    finished_ = true;
  }
  return FromGrpcStatus(status_);
}

}  // namespace tributary
