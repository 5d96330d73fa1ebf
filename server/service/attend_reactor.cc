#include "server/service/attend_reactor.h"

#include <utility>

namespace tributary {
namespace {

// A client that takes no messages does not get an endless queue: tasks are offered again anyway.
constexpr size_t kMostQueued = 64;

}  // namespace

AttendReactor* AttendReactor::Start(const ServiceDependencies& dependencies, PeerIdentity peer) {
  std::shared_ptr<AttendReactor> reactor(new AttendReactor(dependencies, std::move(peer)));
  reactor->self_ = reactor;
  reactor->StartRead(&reactor->incoming_);
  return reactor.get();
}

void AttendReactor::Send(v1::ServerMessage message) {
  absl::MutexLock lock(&mutex_);
  if (closing_ || finished_ || outgoing_.size() >= kMostQueued) return;
  message.set_sequence(++sequence_);
  outgoing_.push_back(std::move(message));
  if (outgoing_.size() == 1) StartWrite(&outgoing_.front());
}

void AttendReactor::Close() {
  absl::MutexLock lock(&mutex_);
  closing_ = true;
  if (outgoing_.empty()) FinishLocked();
}

void AttendReactor::FinishLocked() {
  if (std::exchange(finished_, true)) return;
  Finish(grpc::Status::OK);
}

void AttendReactor::OnReadDone(bool ok) {
  if (!ok) return Close();  // the client has closed its half, or the stream broke
  session_.Handle(incoming_, self_);
  // Ready holds a manifest. Freed now; kept until the next message it fragments the heap at
  // thousands of clients.
  incoming_.Clear();
  StartRead(&incoming_);
}

void AttendReactor::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  outgoing_.pop_front();
  if (!ok) outgoing_.clear();
  if (!outgoing_.empty()) {
    StartWrite(&outgoing_.front());
  } else if (closing_ || !ok) {
    closing_ = true;
    FinishLocked();
  }
}

void AttendReactor::OnCancel() { Close(); }

void AttendReactor::OnDone() {
  session_.End(this, "connection closed");
  self_.reset();  // may delete this
}

}  // namespace tributary
