#include "client/daemon/attend_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/rpc/status_proto.h"

namespace tributary {

AttendStream::AttendStream(v1::Federation::StubInterface* stub, OnMessage on_message,
                           OnClosed on_closed)
    : on_message_(std::move(on_message)), on_closed_(std::move(on_closed)) {
  stub->async()->Attend(&context_, this);
  // Writes start outside of callbacks, where gRPC may not know that more are to come and could end
  // the call under them. The hold keeps it alive until the last read has failed.
  AddHold();
  StartRead(&incoming_);
  StartCall();
}

AttendStream::~AttendStream() {
  context_.TryCancel();
  // gRPC calls into this object until OnDone().
  done_.WaitForNotification();
}

void AttendStream::Send(v1::ClientMessage message) {
  absl::MutexLock lock(&mutex_);
  if (over_ || half_close_) return;
  message.set_sequence(++sequence_);
  // gRPC allows one write at a time: the message at the front is under way, OnWriteDone() starts
  // the next.
  outbox_.push_back(std::move(message));
  if (outbox_.size() == 1) WriteNext();
}

void AttendStream::HalfClose() {
  absl::MutexLock lock(&mutex_);
  if (over_ || half_close_) return;
  half_close_ = true;
  if (outbox_.empty()) StartWritesDone();
}

absl::Time AttendStream::StuckSince() const {
  absl::MutexLock lock(&mutex_);
  return write_began_;
}

void AttendStream::WriteNext() {
  write_began_ = absl::Now();
  StartWrite(&outbox_.front());
}

void AttendStream::OnReadDone(bool ok) {
  if (ok) {
    on_message_(incoming_);
    // Frees a Welcome's two manifests now; the next message may come much later.
    incoming_.Clear();
    StartRead(&incoming_);
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  // Only after over_ is set, or a Send() could start a write on a call that has ended.
  RemoveHold();
}

void AttendStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  write_began_ = absl::InfiniteFuture();
  outbox_.pop_front();
  // A failed write means that the call is over. The pending read fails too and reports it.
  if (!ok || over_) return;
  if (!outbox_.empty()) {
    WriteNext();
  } else if (half_close_) {
    StartWritesDone();
  }
}

void AttendStream::OnDone(const grpc::Status& status) {
  on_closed_(FromGrpcStatus(status));
  done_.Notify();
}

}  // namespace tributary
