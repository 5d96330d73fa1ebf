// One Attend stream: reads into an AttendSession, writes what its link is given.
#pragma once

#include <deque>
#include <memory>

#include <grpcpp/support/server_callback.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/service/attend_session.h"

namespace tributary {

// Owns itself: alive until gRPC is done with the stream and the registry has let go of the link.
class AttendReactor final : public grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>,
                            public ClientLink {
 public:
  static AttendReactor* Start(const ServiceDependencies& dependencies, PeerIdentity peer);

  // ClientLink
  void Send(v1::ServerMessage message) override;
  void Close() override;

  // gRPC
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  AttendReactor(const ServiceDependencies& dependencies, PeerIdentity peer)
      : session_(dependencies, std::move(peer)) {}
  void FinishLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  AttendSession session_;
  std::shared_ptr<AttendReactor> self_;  // until OnDone()
  v1::ClientMessage incoming_;
  absl::Mutex mutex_;
  std::deque<v1::ServerMessage> outgoing_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary
