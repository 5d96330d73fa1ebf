#include "client/daemon/task_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/daemon/delta.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/codec.h"

namespace tributary {

TaskRun::TaskRun(const WorkPlace& place, const v1::Task& task, TaskTrainer* trainer,
                 CancelToken* token)
    : place_(place),
      task_(task),
      trainer_(trainer),
      token_(token),
      transfer_(place.stub, place.gate, token) {}

absl::Status TaskRun::Run() {
  place_.board->Begin(task_.round());
  absl::StatusOr<FinishedUpdate> update = HeldOrTrained();
  absl::Status status = update.status();
  if (update.ok()) status = Deliver(*update);
  place_.board->End();
  return status;
}

absl::StatusOr<FinishedUpdate> TaskRun::HeldOrTrained() {
  ASSIGN_OR_RETURN(const WorkGate::Terms terms, place_.gate->AwaitSession(*token_));
  absl::StatusOr<FinishedUpdate> held =
      place_.store->Load(terms->run_id, task_.round(), terms->upload.Digest());
  if (held.ok()) {
    place_.log->info("round {}: the finished update is on disk, it is delivered without training",
                     task_.round());
    return held;
  }
  return Train(*terms);
}

absl::StatusOr<StateDict> TaskRun::Pull(const SessionTerms& terms) {
  place_.board->Stage("pull");
  StateDecoder decoder(terms.download);
  TransferRetry retry = Retry("pulling the model");
  while (true) {
    ASSIGN_OR_RETURN(const WorkGate::Terms now, place_.gate->AwaitSession(*token_));
    const uint32_t before = decoder.next_chunk();
    const absl::Status status = transfer_.Pull(*now, task_.round(), retry.limit(), &decoder);
    if (status.ok()) return std::move(decoder).Take();
    if (!token_->cancelled) {
      place_.log->warn("round {}: pulling the model broke off at chunk {}: {}", task_.round(),
                       decoder.next_chunk(), status.ToString());
    }
    RETURN_IF_ERROR(retry.Consider(status, decoder.next_chunk() > before, now));
  }
}

absl::StatusOr<FinishedUpdate> TaskRun::Train(const SessionTerms& terms) {
  ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(task_.upload_codec()));
  absl::StatusOr<StateDict> pulled = Pull(terms);
  if (absl::IsDataLoss(pulled.status())) {
    // DataLoss is kept for this client's own shard.
    return absl::InternalError(pulled.status().message());
  }
  RETURN_IF_ERROR(pulled.status());

  place_.board->Stage("train");
  place_.log->info("round {}: training", task_.round());
  ASSIGN_OR_RETURN(TrainedModel trained, trainer_->Train(
                                             *pulled, task_,
                                             [this](uint32_t step, uint32_t steps, double loss) {
                                               place_.board->Step(step, steps, loss);
                                             },
                                             token_->cancelled));
  RETURN_IF_ERROR(SubtractPulled(*pulled, terms.upload, &trained.weights));
  pulled = StateDict();  // as large as the model, and done with
  place_.log->info("round {}: trained {} steps in {:.1f} s, loss {:.4f}", task_.round(),
                   trained.report.steps(), trained.report.train_seconds(), trained.report.loss());

  FinishedUpdate update{.round = task_.round(),
                        .samples = place_.samples,
                        .report = std::move(trained.report),
                        .manifest_digest = terms.upload.Digest()};
  update.state = EncodedState::Encode(trained.weights, codec, terms.chunk_bytes, place_.threads);
  Keep(terms, update);
  return update;
}

void TaskRun::Keep(const SessionTerms& terms, const FinishedUpdate& update) {
  if (absl::Status kept = place_.store->Save(terms.run_id, update); !kept.ok()) {
    // Worth delivering all the same; only a restart before the receipt would cost the training.
    place_.log->error("round {}: the finished update cannot be kept on disk: {}", update.round,
                      kept.ToString());
  }
}

absl::Status TaskRun::Deliver(const FinishedUpdate& update) {
  place_.board->Stage("push");
  TransferRetry retry = Retry("delivering the update");
  uint32_t next_chunk = 0;
  while (true) {
    ASSIGN_OR_RETURN(const WorkGate::Terms terms, place_.gate->AwaitSession(*token_));
    const uint32_t before = next_chunk;
    const absl::StatusOr<v1::UpdateState> state =
        AskAndPush(*terms, update, retry.limit(), &next_chunk);
    if (state.ok() && state->state() != v1::UpdateState::STATE_WANTED) {
      Close(update, *terms, *state);
      return absl::OkStatus();
    }
    const absl::Status broken =
        state.ok() ? absl::UnavailableError(absl::StrCat("the coordinator still wants chunk ",
                                                         state->next_chunk(), " and what follows"))
                   : state.status();
    if (!token_->cancelled) {
      place_.log->warn("round {}: delivering the update broke off: {}", update.round,
                       broken.ToString());
    }
    RETURN_IF_ERROR(retry.Consider(broken, next_chunk > before, terms));
  }
}

absl::StatusOr<v1::UpdateState> TaskRun::AskAndPush(const SessionTerms& terms,
                                                    const FinishedUpdate& update,
                                                    absl::Duration limit, uint32_t* next_chunk) {
  ASSIGN_OR_RETURN(v1::UpdateState state, transfer_.Ask(terms, update.round, place_.timings.ask));
  if (state.state() == v1::UpdateState::STATE_WANTED) {
    *next_chunk = state.next_chunk();
    ASSIGN_OR_RETURN(state, transfer_.Push(terms, update, state.next_chunk(), limit));
    if (state.state() == v1::UpdateState::STATE_WANTED) *next_chunk = state.next_chunk();
  }
  if (state.state() == v1::UpdateState::STATE_UNSPECIFIED) {
    return absl::InternalError("the coordinator's answer says nothing about the update");
  }
  return state;
}

void TaskRun::Close(const FinishedUpdate& update, const SessionTerms& terms,
                    const v1::UpdateState& state) {
  switch (state.state()) {
    case v1::UpdateState::STATE_ACCEPTED:
      place_.log->info("round {}: the coordinator has the update ({} bytes)", update.round,
                       update.state->bytes());
      return;
    case v1::UpdateState::STATE_LATE:
      place_.log->warn("round {}: the update came too late and is not used: {}", update.round,
                       state.message());
      return;
    default:
      place_.log->error("round {}: the coordinator refuses the update: {}", update.round,
                        state.message());
      place_.store->Drop(terms.run_id, update.round);
  }
}

TransferRetry TaskRun::Retry(const char* what) const {
  return TransferRetry(what, place_.timings, place_.gate, token_,
                       RandomStream(task_.seed(), what, task_.round(), place_.client));
}

}  // namespace tributary
