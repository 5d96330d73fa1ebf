#include "client/daemon/transfer_retry.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace tributary {
namespace {

constexpr int kMostHopeless = 3;

// Whether the same call may succeed later. Aborted: another push took over, or the round was
// closed; ResourceExhausted: the coordinator's disk is full.
bool IsPassing(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

TransferRetry::TransferRetry(std::string what, const Timings& timings, const WorkGate* gate,
                             const CancelToken* token, RandomStream stream)
    : what_(std::move(what)),
      timings_(timings),
      gate_(gate),
      token_(token),
      backoff_(timings.retry, stream),
      limit_(timings.transfer) {}

absl::Status TransferRetry::Consider(const absl::Status& status, bool moved_on,
                                     const WorkGate::Terms& terms) {
  if (token_->cancelled) return absl::CancelledError(token_->reason);
  if (moved_on) {
    backoff_.Reset();
    hopeless_in_a_row_ = 0;
  } else if (absl::IsDeadlineExceeded(status)) {
    // Not one chunk came through: the line may be too slow for the limit.
    limit_ = std::min(2 * limit_, timings_.longest_transfer);
  }
  // Where the session has changed in the meantime, the failure says nothing about the new one: no
  // wait, and it does not count.
  const bool same_session = gate_->current() == terms;
  hopeless_in_a_row_ = IsPassing(status.code()) || !same_session ? 0 : hopeless_in_a_row_ + 1;
  if (hopeless_in_a_row_ >= kMostHopeless) return Annotate(status, what_);
  if (same_session) gate_->Pause(backoff_.Next(), terms, *token_);
  if (token_->cancelled) return absl::CancelledError(token_->reason);
  return absl::OkStatus();
}

}  // namespace tributary
