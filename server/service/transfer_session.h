// The coordinator's side of pulls, pushes and questions whether to push, without gRPC: finds the
// client by its session and the round by its number, hands on to the LiveRound, and turns what that
// says into what ends the stream: an answer or an error.
//
// What comes for a round that is over is no error of the client: its answer is STATE_LATE.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "server/service/service_dependencies.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// What a push or a question is answered; a status that is not OK ends its stream with that error.
using TransferEnd = absl::StatusOr<v1::UpdateState>;

// Calls `answer`, from any thread and perhaps at once, when the question may be answered
// (LiveRound::AwaitTurn()).
void AnswerQuery(const ServiceDependencies& dependencies, const v1::UpdateQuery& query,
                 std::function<void(TransferEnd)> answer);

// What a client counted in a task that evaluates.
TransferEnd TakeEvaluation(const ServiceDependencies& dependencies,
                           const v1::EvaluationReport& report);

// One pull. Not thread-safe.
class PullSession {
 public:
  // Unauthenticated for an unknown session, FailedPrecondition if the round is not under way, and
  // the errors of ModelDownloads::Download().
  static absl::StatusOr<PullSession> Open(const ServiceDependencies& dependencies,
                                          const v1::PullRequest& request);
  // The next chunk, which is counted as sent; null after the last. It stays valid until the next
  // call.
  const absl::Cord* Next();

 private:
  PullSession(std::shared_ptr<ModelDownloads> downloads, std::shared_ptr<const EncodedState> model,
              size_t next)
      : downloads_(std::move(downloads)), model_(std::move(model)), next_(next) {}

  std::shared_ptr<ModelDownloads> downloads_;
  std::shared_ptr<const EncodedState> model_;
  size_t next_;
};

// One push: Begin(), Append() for each chunk, Received(), Finish(). Not thread-safe: a stream's
// messages come one at a time.
class PushSession {
 public:
  explicit PushSession(const ServiceDependencies& dependencies) : deps_(dependencies) {}

  // Nothing: the push may go on, and `read` is called, from any thread and perhaps before this
  // returns, when its first chunk may be read.
  std::optional<TransferEnd> Begin(const v1::PushHeader& header, UploadQueue::Turn read);
  bool begun() const { return live_ != nullptr; }
  // A buffer for the next chunk.
  std::string TakeBuffer() const { return live_->TakeBuffer(); }
  // Nothing: the next chunk may be read.
  std::optional<TransferEnd> Append(std::string chunk);
  // The stream has no more chunks.
  void Received() { live_->timings().receive.End(); }
  // Adds the update, which takes a while.
  TransferEnd Finish() { return live_->FinishPush(client_, ticket_); }

 private:
  const ServiceDependencies deps_;
  std::string client_;
  std::shared_ptr<LiveRound> live_;
  int ticket_ = -1;
};

}  // namespace tributary
