// WorkGate: lets the worker wait for a session, and cancels the worker's task.
//
// The deciding thread opens the gate when the coordinator has accepted the client and closes it
// when the session ends. A worker that cannot reach the coordinator waits here and keeps its work.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <grpcpp/client_context.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/daemon/session_terms.h"

namespace tributary {

// One task's cancellation. The gate's lock guards it, apart from the flag, which training reads
// before each step without a lock.
struct CancelToken {
  std::atomic<bool> cancelled = false;
  std::string reason;                   // set before `cancelled`
  grpc::ClientContext* call = nullptr;  // the task's call in progress
};

// Thread-safe.
class WorkGate {
 public:
  using Terms = std::shared_ptr<const SessionTerms>;

  void Open(Terms terms) { Set(std::move(terms)); }
  void Close() { Set(nullptr); }
  // The session that is open; null if none is.
  Terms current() const;

  // Ends the task's call and its waits. The first reason stays.
  void Cancel(CancelToken* token, const std::string& reason);

  // The current session, waited for if there is none. CancelledError once `token` is cancelled.
  absl::StatusOr<Terms> AwaitSession(const CancelToken& token) const;
  // Waits for `duration`, or less if another session than `terms` opens or `token` is cancelled.
  void Pause(absl::Duration duration, const Terms& terms, const CancelToken& token) const;

  // Makes `call` the task's call in progress, to be ended by Cancel(), while the object lives.
  class CallScope {
   public:
    CallScope(WorkGate* gate, CancelToken* token, grpc::ClientContext* call);
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

   private:
    WorkGate* const gate_;
    CancelToken* const token_;
  };

 private:
  void Set(Terms terms) {
    absl::MutexLock lock(&mutex_);
    terms_ = std::move(terms);
  }

  mutable absl::Mutex mutex_;
  Terms terms_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
