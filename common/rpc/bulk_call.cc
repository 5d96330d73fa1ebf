#include "common/rpc/bulk_call.h"

#include <utility>

#include "common/rpc/status_proto.h"

namespace tributary {

BulkCall::BulkCall(grpc::GenericStub* stub, const std::string& method, grpc::ClientContext* context)
    : context_(context) {
  stub->PrepareBidiStreamingCall(context, method, grpc::StubOptions(), this);
  AddHold();  // for operations that are started from outside a callback
  {
    absl::MutexLock lock(&mutex_);
    reading_ = true;
  }
  StartRead(&incoming_);
  StartCall();
}

BulkCall::~BulkCall() {
  context_->TryCancel();
  Finish().IgnoreError();
}

bool BulkCall::Write(grpc::ByteBuffer message) {
  {
    absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !writing_; };
    mutex_.Await(absl::Condition(&idle));
    if (write_failed_) return false;
    writing_ = true;
  }
  outgoing_ = std::move(message);
  StartWrite(&outgoing_);
  return true;
}

void BulkCall::WritesDone() {
  {
    absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !writing_; };
    mutex_.Await(absl::Condition(&idle));
    if (write_failed_) return;
  }
  StartWritesDone();
}

bool BulkCall::Read(grpc::ByteBuffer* message) {
  {
    absl::MutexLock lock(&mutex_);
    const auto arrived = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !reading_; };
    mutex_.Await(absl::Condition(&arrived));
    if (no_more_) return false;
    reading_ = true;
  }
  message->Swap(&incoming_);
  incoming_.Clear();
  StartRead(&incoming_);
  return true;
}

absl::Status BulkCall::Finish() {
  grpc::ByteBuffer dropped;
  while (Read(&dropped)) {
  }
  if (!std::exchange(released_, true)) RemoveHold();  // nothing is started any more
  absl::MutexLock lock(&mutex_);
  const auto over = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return done_; };
  mutex_.Await(absl::Condition(&over));
  return FromGrpcStatus(status_);
}

void BulkCall::OnReadDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  reading_ = false;
  no_more_ |= !ok;
}

void BulkCall::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  write_failed_ |= !ok;
}

void BulkCall::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  status_ = status;
  done_ = true;
}

}  // namespace tributary
