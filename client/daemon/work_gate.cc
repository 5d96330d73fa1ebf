#include "client/daemon/work_gate.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tributary {

WorkGate::Terms WorkGate::current() const {
  absl::MutexLock lock(&mutex_);
  return terms_;
}

void WorkGate::Cancel(CancelToken* token, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  if (token->cancelled) return;
  // The reason is written before the flag: training reads the flag without the lock.
  token->reason = reason;
  token->cancelled = true;
  if (token->call != nullptr) token->call->TryCancel();
}

absl::StatusOr<WorkGate::Terms> WorkGate::AwaitSession(const CancelToken& token) const {
  absl::MutexLock lock(&mutex_);
  const auto may_go = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return terms_ != nullptr || token.cancelled;
  };
  mutex_.Await(absl::Condition(&may_go));
  if (token.cancelled) return absl::CancelledError(token.reason);
  return terms_;
}

void WorkGate::Pause(absl::Duration duration, const Terms& terms, const CancelToken& token) const {
  absl::MutexLock lock(&mutex_);
  const auto may_go = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    // Compares pointers: each session has terms of its own.
    return (terms_ != nullptr && terms_ != terms) || token.cancelled;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&may_go), duration);
}

WorkGate::CallScope::CallScope(WorkGate* gate, CancelToken* token, grpc::ClientContext* call)
    : gate_(gate), token_(token) {
  absl::MutexLock lock(&gate_->mutex_);
  token_->call = call;
  // Cancel() may have come before the call was registered.
  if (token_->cancelled) call->TryCancel();
}

WorkGate::CallScope::~CallScope() {
  absl::MutexLock lock(&gate_->mutex_);
  token_->call = nullptr;
}

}  // namespace tributary
