// AttendStream: one Attend call, from the dial to its status.
//
// Messages are sent in the order of Send() and numbered from 1. Received messages go to a function.
// Nothing blocks but the destructor, which cancels the call and waits for its last callback.
#pragma once

#include <deque>
#include <functional>

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

// Thread-safe.
class AttendStream : private grpc::ClientBidiReactor<v1::ClientMessage, v1::ServerMessage> {
 public:
  using OnMessage = std::function<void(const v1::ServerMessage&)>;
  using OnClosed = std::function<void(const absl::Status&)>;

  // Dials. The functions are called on gRPC's threads, one call at a time, `on_closed` last and
  // once; they must not call back into this object.
  AttendStream(v1::Federation::StubInterface* stub, OnMessage on_message, OnClosed on_closed);
  ~AttendStream() override;
  AttendStream(const AttendStream&) = delete;
  AttendStream& operator=(const AttendStream&) = delete;

  // Numbers `message` and queues it. Dropped silently if the stream is over: the status says so.
  void Send(v1::ClientMessage message);
  // No more messages after those queued; the coordinator then ends the call.
  void HalfClose();
  // Ends the call at once, with CANCELLED.
  void Cancel() { context_.TryCancel(); }

  // The time since which a message has been waiting for the connection to accept it; InfiniteFuture
  // if none is waiting.
  absl::Time StuckSince() const;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const OnMessage on_message_;
  const OnClosed on_closed_;
  grpc::ClientContext context_;
  v1::ServerMessage incoming_;
  absl::Notification done_;

  mutable absl::Mutex mutex_;
  std::deque<v1::ClientMessage> outbox_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time write_began_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool half_close_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;  // no more operations may be started
};

}  // namespace tributary
