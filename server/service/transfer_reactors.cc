#include "server/service/transfer_reactors.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// Bytes of `chunk` by reference; `state` stays alive until gRPC has sent them.
grpc::ByteBuffer ShareChunk(std::shared_ptr<const EncodedState> state, const std::string& chunk) {
  auto* keeper = new std::shared_ptr<const EncodedState>(std::move(state));
  const grpc::Slice slice(
      const_cast<char*>(chunk.data()), chunk.size(),
      [](void* held) { delete static_cast<std::shared_ptr<const EncodedState>*>(held); }, keeper);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

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
  if (!pull.ParseFromString(ToString(request))) {
    return absl::InvalidArgumentError("the request is not a PullRequest message");
  }
  ASSIGN_OR_RETURN(TransferParty party, FindParty(parts, pull.session(), pull.round()));
  ASSIGN_OR_RETURN(state_, party.round->Download(party.client));
  if (pull.first_chunk() > state_->chunks().size()) {
    return absl::OutOfRangeError(absl::StrCat("client ", party.client, " asks for chunk ",
                                              pull.first_chunk(), " of ", state_->chunks().size()));
  }
  round_ = std::move(party.round);
  next_ = pull.first_chunk();
  return absl::OkStatus();
}

void PullReactor::WriteNext() {
  if (next_ == state_->chunks().size()) return Finish(grpc::Status::OK);
  const std::string& chunk = state_->chunks()[next_++];
  chunk_ = ShareChunk(state_, chunk);
  round_->CountDown(chunk.size());
  StartWrite(&chunk_);
}

void PullReactor::OnWriteDone(bool ok) {
  if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the client is gone"));
  WriteNext();
}

PushReactor::PushReactor(const ServiceParts& parts, WorkerPool* workers, v1::UpdateState* state)
    : parts_(parts), workers_(workers), state_(state), began_(absl::Now()) {
  StartRead(&message_);
}

void PushReactor::OnReadDone(bool ok) {
  if (!ok) {
    if (party_.round == nullptr) {
      return Finish(
          grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "a push begins with a header"));
    }
    return workers_->Add([this] { Verify(); });
  }
  if (message_.has_header()) return Begin(message_.header());
  if (message_.has_chunk() && party_.round != nullptr) return Append(message_.mutable_chunk());
  Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                      "a push is a header followed by chunks; this message is neither"));
}

void PushReactor::Begin(const v1::PushHeader& header) {
  if (party_.round != nullptr) {
    return Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "a push has one header"));
  }
  absl::StatusOr<TransferParty> party = FindParty(parts_, header.session(), header.round());
  if (absl::IsFailedPrecondition(party.status())) return Answer(LateState(party.status()));
  if (!party.ok()) return Finish(ToGrpcStatus(party.status()));
  party_ = *std::move(party);
  const v1::UpdateState state = party_.round->BeginPush(party_.client, header, &ticket_);
  if (state.state() != v1::UpdateState::STATE_WANTED || ticket_ < 0) {
    if (state.state() == v1::UpdateState::STATE_REFUSED) TellRefused(state);
    return Answer(state);
  }
  StartRead(&message_);
}

void PushReactor::Append(v1::Chunk* chunk) {
  std::string bytes = chunk->SerializeAsString();
  party_.round->CountUp(bytes.size());
  const absl::Status status = party_.round->AppendChunk(party_.client, ticket_, std::move(bytes));
  if (!status.ok()) {
    const v1::UpdateState state = party_.round->Ask(party_.client);
    if (state.state() != v1::UpdateState::STATE_REFUSED) return Finish(ToGrpcStatus(status));
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

void PushReactor::Verify() {
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
  *state_ = state;
  Finish(grpc::Status::OK);
}

}  // namespace tributary
