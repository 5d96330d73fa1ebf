#include "server/service/transfer_reactors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/bulk_message.h"

namespace tributary {

absl::StatusOr<TransferParty> FindParty(const ServiceParts& parts, const std::string& session,
                                        uint32_t round) {
  std::optional<std::string> client = parts.registry->ClientOfSession(session);
  if (!client.has_value()) {
    return absl::UnauthenticatedError(
        "unknown session: join on an Attend stream first, and use the session of its Welcome");
  }
  std::shared_ptr<LiveRound> live = parts.coordinator->CurrentRound();
  if (live == nullptr || static_cast<uint32_t>(live->round()) != round) {
    return absl::FailedPreconditionError(
        absl::StrCat("client ", *client, ": round ", round, " is not under way",
                     live == nullptr ? "" : absl::StrCat("; round ", live->round(), " is")));
  }
  return TransferParty{*std::move(client), std::move(live)};
}

v1::UpdateState LateState(const absl::Status& status) {
  v1::UpdateState state;
  state.set_state(v1::UpdateState::STATE_LATE);
  state.set_message(std::string(status.message()));
  return state;
}

PullReactor::PullReactor(const ServiceParts& parts, const grpc::ByteBuffer& request) {
  const absl::Status status = Open(parts, request);
  if (!status.ok()) {
    Finish(ToGrpcStatus(status));
  } else {
    WriteNext();
  }
}

absl::Status PullReactor::Open(const ServiceParts& parts, const grpc::ByteBuffer& request) {
  v1::PullRequest pull;
  if (!ParseBuffer(request, &pull)) {
    return absl::InvalidArgumentError("the request is not a PullRequest message");
  }
  ASSIGN_OR_RETURN(TransferParty party, FindParty(parts, pull.session(), pull.round()));
  ASSIGN_OR_RETURN(state_, party.round->Download(party.client, pull.held_version()));
  if (pull.first_chunk() > state_->chunks().size()) {
    return absl::OutOfRangeError(absl::StrCat("client ", party.client, " asks for chunk ",
                                              pull.first_chunk(), " of ", state_->chunks().size()));
  }
  round_ = std::move(party.round);
  round_->stages().send.Begin();
  next_ = pull.first_chunk();
  return absl::OkStatus();
}

void PullReactor::WriteNext() {
  if (next_ == state_->chunks().size()) {
    round_->stages().send.End();
    state_.reset();  // OnDone() may come late
    return Finish(grpc::Status::OK);
  }
  const absl::Cord& chunk = state_->chunks()[next_++];
  chunk_ = ShareCord(chunk);
  round_->CountDown(chunk.size());
  StartWrite(&chunk_);
}

void PullReactor::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the client is gone"));
  WriteNext();
}

PushReactor::PushReactor(const ServiceParts& parts, WorkerPool* workers, grpc::ByteBuffer* answer)
    : parts_(parts), workers_(workers), answer_(answer), began_(absl::Now()) {
  StartRead(&message_);
}

void PushReactor::OnReadDone(bool ok) {
  if (ok) return party_.round == nullptr ? Begin() : Append();
  if (party_.round == nullptr) {
    return Fail(absl::InvalidArgumentError("a push begins with a header"));
  }
  party_.round->stages().receive.End();
  workers_->Add([this] { Add(); });
}

void PushReactor::Begin() {
  v1::PushMessage message;
  if (!ParseBuffer(message_, &message) || !message.has_header()) {
    return Fail(absl::InvalidArgumentError("a push begins with a header"));
  }
  const v1::PushHeader& header = message.header();
  absl::StatusOr<TransferParty> party = FindParty(parts_, header.session(), header.round());
  if (absl::IsFailedPrecondition(party.status())) return Answer(LateState(party.status()));
  if (!party.ok()) return Fail(party.status());
  party_ = *std::move(party);
  party_.round->stages().receive.Begin();
  const v1::UpdateState state = party_.round->BeginPush(party_.client, header, &ticket_);
  if (state.state() != v1::UpdateState::STATE_WANTED || ticket_ < 0) {
    if (state.state() == v1::UpdateState::STATE_REFUSED) TellRefused(state);
    return Answer(state);
  }
  party_.round->AwaitRoom(party_.client, ticket_, [this] { StartRead(&message_); });
}

void PushReactor::Append() {
  absl::StatusOr<std::string> chunk = ChunkOfPush(message_, party_.round->TakeBuffer());
  message_.Clear();
  if (!chunk.ok()) return Fail(chunk.status());
  party_.round->CountUp(chunk->size());
  const absl::Status status = party_.round->AppendChunk(party_.client, ticket_, *std::move(chunk));
  if (!status.ok()) {
    const v1::UpdateState state = party_.round->Ask(party_.client);
    if (state.state() != v1::UpdateState::STATE_REFUSED) return Fail(status);
    TellRefused(state);
    return Answer(state);
  }
  StartRead(&message_);
}

void PushReactor::TellRefused(const v1::UpdateState& state) {
  const int round = party_.round->round();
  parts_.events->Emit(
      "update_refused",
      absl::StrCat("round ", round, ": update of ", party_.client, " refused: ", state.message()),
      {{"round", round}, {"client", party_.client}, {"reason", state.message()}});
}

void PushReactor::Add() {
  AcceptedUpdate accepted;
  const v1::UpdateState state = party_.round->FinishPush(party_.client, ticket_, &accepted);
  const int round = party_.round->round();
  if (!accepted.client.empty()) {
    parts_.events->Emit("update_accepted",
                        absl::StrCat("round ", round, ": update of ", party_.client, " accepted"),
                        {{"round", round},
                         {"client", party_.client},
                         {"bytes", accepted.bytes},
                         {"loss", accepted.report.loss()},
                         {"seconds", absl::ToDoubleSeconds(absl::Now() - began_)}});
  } else if (state.state() == v1::UpdateState::STATE_REFUSED) {
    TellRefused(state);
  }
  Answer(state);
}

void PushReactor::Answer(const v1::UpdateState& state) {
  *answer_ = BufferOf(state);
  Finish(grpc::Status::OK);
}

}  // namespace tributary
