#include "client/daemon/attend_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/rpc/status_proto.h"

namespace tributary {

AttendStream::AttendStream(v1::Federation::StubInterface* stub, OnMessage on_message,
                           OnClosed on_closed)
    : on_message_(std::move(on_message)), on_closed_(std::move(on_closed)) {
  stub->async()->Attend(&context_, this);
  // Writes start from outside of callbacks: the hold keeps the call alive until the last read.
  AddHold();
  StartRead(&incoming_);
  StartCall();
}

AttendStream::~AttendStream() {
  context_.TryCancel();
  done_.WaitForNotification();
}

void AttendStream::Send(v1::ClientMessage message) {
  absl::MutexLock lock(&mutex_);
  if (over_ || half_close_) return;
  message.set_sequence(++sequence_);
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
    incoming_.Clear();  // Welcome holds two manifests, and the next message may be long in coming
    StartRead(&incoming_);
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  RemoveHold();
}

void AttendStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  write_began_ = absl::InfiniteFuture();
  outbox_.pop_front();
  // A failed write means that the call is over; the read says so as well.
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
