#include "server/service/transfer_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// A client and the live round that its transfer belongs to.
struct Transfer {
  std::string client;
  std::shared_ptr<LiveRound> live;
};

absl::StatusOr<Transfer> FindTransfer(const ServiceDependencies& dependencies,
                                      const std::string& session, uint32_t round) {
  ASSIGN_OR_RETURN(std::string client, dependencies.registry->ClientOfSession(session));
  absl::StatusOr<std::shared_ptr<LiveRound>> live = dependencies.active->Find(round);
  if (!live.ok()) return Annotate(live.status(), absl::StrCat("client ", client));
  return Transfer{std::move(client), *std::move(live)};
}

// What ends a stream whose round is not to be found.
TransferEnd EndOf(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return status;
  v1::UpdateState late;
  late.set_state(v1::UpdateState::STATE_LATE);
  late.set_message(std::string(status.message()));
  return late;
}

}  // namespace

void AnswerQuery(const ServiceDependencies& dependencies, const v1::UpdateQuery& query,
                 std::function<void(TransferEnd)> answer) {
  absl::StatusOr<Transfer> transfer = FindTransfer(dependencies, query.session(), query.round());
  if (!transfer.ok()) return answer(EndOf(transfer.status()));
  LiveRound* const live = transfer->live.get();
  const std::string client = transfer->client;
  live->AwaitTurn(client, query.bytes(),
                  [transfer = *std::move(transfer), answer = std::move(answer)] {
                    answer(transfer.live->Ask(transfer.client));
                  });
}

absl::StatusOr<PullSession> PullSession::Open(const ServiceDependencies& dependencies,
                                              const v1::PullRequest& request) {
  ASSIGN_OR_RETURN(const std::string client,
                   dependencies.registry->ClientOfSession(request.session()));
  absl::StatusOr<std::shared_ptr<ModelDownloads>> downloads =
      dependencies.active->FindDownloads(request.round());
  if (!downloads.ok()) return Annotate(downloads.status(), absl::StrCat("client ", client));
  ASSIGN_OR_RETURN(std::shared_ptr<const EncodedState> model,
                   (*downloads)->Download(client, request.held_version(), request.first_chunk()));
  (*downloads)->send().Begin();
  return PullSession(*std::move(downloads), std::move(model), request.first_chunk());
}

TransferEnd TakeEvaluation(const ServiceDependencies& dependencies,
                           const v1::EvaluationReport& report) {
  ASSIGN_OR_RETURN(const std::string client,
                   dependencies.registry->ClientOfSession(report.session()));
  const std::shared_ptr<EvaluationRound> evaluation = dependencies.active->Evaluation();
  if (evaluation == nullptr || static_cast<uint32_t>(evaluation->round()) != report.round()) {
    return EndOf(absl::FailedPreconditionError(absl::StrCat(
        "client ", client, ": round ", report.round(), " is not being evaluated (any more)")));
  }
  return evaluation->Report(client, report);
}

const absl::Cord* PullSession::Next() {
  if (next_ == model_->chunks().size()) {
    downloads_->send().End();
    return nullptr;
  }
  const absl::Cord& chunk = model_->chunks()[next_++];
  downloads_->CountDown(chunk.size());
  return &chunk;
}

std::optional<TransferEnd> PushSession::Begin(const v1::PushHeader& header,
                                              UploadQueue::Turn read) {
  absl::StatusOr<Transfer> transfer = FindTransfer(deps_, header.session(), header.round());
  if (!transfer.ok()) return EndOf(transfer.status());
  client_ = std::move(transfer->client);
  live_ = std::move(transfer->live);
  CohortTasks::Start start = live_->BeginPush(client_, header);
  if (start.ticket < 0) return std::move(start.state);
  ticket_ = start.ticket;
  // The last thing done here: `read` may let another thread go on with this session.
  live_->AwaitRoom(client_, ticket_, std::move(read));
  return std::nullopt;
}

std::optional<TransferEnd> PushSession::Append(std::string chunk) {
  const absl::Status status = live_->AppendChunk(client_, ticket_, std::move(chunk));
  if (status.ok()) return std::nullopt;
  v1::UpdateState state = live_->Ask(client_);
  // A refusal is final, and an answer; after any other error the client asks how to go on.
  if (state.state() == v1::UpdateState::STATE_REFUSED) return state;
  return status;
}

}  // namespace tributary
