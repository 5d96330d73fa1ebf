#include "client/daemon/task_run.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/daemon/delta.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/codec.h"

namespace tributary {

TaskRun::TaskRun(const WorkPlace& place, const v1::Task& task, TaskTrainer* trainer,
                 HeldModel* held, CancelToken* token)
    : place_(place),
      task_(task),
      trainer_(trainer),
      held_(held),
      token_(token),
      transfer_(place.stub, place.bulk, place.dial, place.gate, token) {}

absl::Status TaskRun::Run() {
  place_.board->Begin(task_.round());
  absl::Status status;
  if (task_.evaluation()) {
    status = Evaluate();
  } else {
    absl::StatusOr<FinishedUpdate> update = HeldOrTrained();
    status = update.status();
    if (update.ok()) status = Deliver(*update);
  }
  place_.board->End();
  return status;
}

absl::Status TaskRun::Evaluate() {
  ASSIGN_OR_RETURN(const WorkGate::Terms terms, place_.gate->AwaitSession(*token_));
  RETURN_IF_ERROR(PullForTask(*terms));
  place_.board->Stage("evaluate");
  place_.log->info("round {}: evaluating the new globals", task_.round());
  const absl::StatusOr<TaskCounts> counts = trainer_->Evaluate(held_->values);
  if (held_->version == 0) *held_ = {};
  RETURN_IF_ERROR(counts.status());
  return ReportCounts(*counts);
}

absl::Status TaskRun::ReportCounts(const TaskCounts& counts) {
  TransferRetry retry = Retry("reporting the evaluation");
  while (true) {
    ASSIGN_OR_RETURN(const WorkGate::Terms terms, place_.gate->AwaitSession(*token_));
    const absl::StatusOr<v1::UpdateState> state =
        transfer_.ReportEvaluation(*terms, task_.round(), counts, retry.limit());
    if (state.ok()) {
      place_.log->info("round {}: evaluation of {} samples: {}", task_.round(), counts.samples,
                       state->message());
      return absl::OkStatus();
    }
    if (!token_->cancelled) {
      place_.log->warn("round {}: reporting the evaluation broke off: {}", task_.round(),
                       state.status().ToString());
    }
    RETURN_IF_ERROR(retry.Consider(state.status(), /*moved_on=*/false, terms));
  }
}

absl::Status TaskRun::PullForTask(const SessionTerms& terms) {
  const absl::Status pulled = Pull(terms);
  // A damaged chunk is DataLoss as well, but for the daemon DataLoss means that this client's shard
  // is damaged and that it must stop.
  return absl::IsDataLoss(pulled) ? absl::InternalError(pulled.message()) : pulled;
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

absl::Status TaskRun::Pull(const SessionTerms& terms) {
  place_.board->Stage("pull");
  std::optional<StateDecoder> decoder;
  // The decoder outlives broken calls: the next one asks for its next chunk only.
  decoder.emplace(terms.download, &held_->values, held_->version);
  TransferRetry retry = Retry("pulling the model");
  while (true) {
    ASSIGN_OR_RETURN(const WorkGate::Terms now, place_.gate->AwaitSession(*token_));
    const uint32_t before = decoder->next_chunk();
    absl::Status status =
        transfer_.Pull(*now, task_.round(), retry.limit(), held_->version, &*decoder);
    if (status.ok()) {
      // Version 0 says that nothing is held: the values are freed after training.
      const uint64_t version = terms.delta_downloads ? decoder->version() : 0;
      *held_ = {.version = version, .values = std::move(*decoder).Take()};
      return absl::OkStatus();
    }
    if (!token_->cancelled) {
      place_.log->warn("round {}: pulling the model broke off at chunk {}: {}", task_.round(),
                       decoder->next_chunk(), status.ToString());
    }
    const bool moved_on = decoder->next_chunk() > before;
    // The chunks are of another version than those before them: the coordinator has restarted or
    // moved on. What has been decoded is of no use.
    if (absl::IsFailedPrecondition(status)) {
      decoder.emplace(terms.download, &held_->values, held_->version);
    }
    RETURN_IF_ERROR(retry.Consider(status, moved_on, now));
  }
}

absl::StatusOr<FinishedUpdate> TaskRun::Train(const SessionTerms& terms) {
  ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(task_.upload_codec()));
  RETURN_IF_ERROR(PullForTask(terms));

  place_.board->Stage("train");
  place_.log->info("round {}: training", task_.round());
  ASSIGN_OR_RETURN(TrainedModel trained, trainer_->Train(
                                             held_->values, MethodState(terms), task_,
                                             [this](uint32_t step, uint32_t steps, double loss) {
                                               place_.board->Step(step, steps, loss);
                                             },
                                             token_->cancelled));
  RETURN_IF_ERROR(SubtractPulled(held_->values, terms.upload, &trained.weights));
  if (held_->version == 0) *held_ = {};  // frees a whole model before the update is encoded
  place_.log->info(
      "round {}: trained {} steps in {:.1f} s, {:.1f} % of it waiting for samples, loss {:.4f}",
      task_.round(), trained.report.steps(), trained.report.train_seconds(),
      100 * trained.waiting_share, trained.report.loss());

  FinishedUpdate update{.round = task_.round(),
                        .samples = place_.samples,
                        .report = std::move(trained.report),
                        .manifest_digest = terms.upload.Digest()};
  update.state = Encode(terms, codec, std::move(trained.weights));
  if (!trained.method_state.empty()) {
    // Before the update itself: where that is on disk, what the next round needs is there too. An
    // update without it must not be merged.
    RETURN_IF_ERROR(Annotate(place_.method_states->Save(terms.run_id, task_.round(),
                                                        task_.merged_round(), trained.method_state),
                             "what the method keeps on this client cannot be written"));
  }
  Keep(terms, update);
  return update;
}

StateDict TaskRun::MethodState(const SessionTerms& terms) const {
  if (task_.merged_round() == 0) return {};
  absl::StatusOr<StateDict> state = place_.method_states->Load(terms.run_id, task_.merged_round());
  if (state.ok()) return *std::move(state);
  if (absl::IsNotFound(state.status()) && !terms.model.control_variates) return {};
  place_.log->warn(
      "round {}: what this client kept of round {} cannot be read, and it begins at 0; the "
      "coordinator's control variates keep its share of that round: {}",
      task_.round(), task_.merged_round(), state.status().ToString());
  place_.method_states->Drop(terms.run_id, task_.merged_round());
  return {};
}

std::shared_ptr<const EncodedState> TaskRun::Encode(const SessionTerms& terms, Codec codec,
                                                    StateDict delta) {
  EncodedState::Options options = {.codec = codec,
                                   .chunk_bytes = terms.chunk_bytes,
                                   .threads = place_.threads,
                                   .plain_f32 = task_.plain_f32()};
  if (!UsesErrorFeedback(codec)) {
    // Plain f32 chunks refer to the values, so that the encoded state owns them.
    auto owner = std::make_shared<const StateDict>(std::move(delta));
    return EncodedState::Encode(EncodedState::SourcesOf(*owner), owner, options);
  }
  place_.residuals->AddTo(terms.run_id, task_.merged_round(), &delta);
  std::vector<float*> values;
  for (size_t i = 0; i < delta.size(); ++i) values.push_back(delta[i].tensor.values.data());
  // Turns `delta` into the residual in place, which saves a copy of the model: a slice's values are
  // not read again once it is encoded, so that the decoded values can be subtracted from them.
  options.on_decoded = [&](size_t tensor, size_t offset, absl::Span<const float> decoded) {
    float* left = values[tensor] + offset;
    for (size_t i = 0; i < decoded.size(); ++i) left[i] -= decoded[i];
  };
  options.plain_f32 = false;
  std::shared_ptr<const EncodedState> encoded =
      EncodedState::Encode(EncodedState::SourcesOf(delta), nullptr, options);
  StateDict residual;
  for (size_t i = 0; i < delta.size(); ++i) {
    StateDict::Entry& entry = delta[i];
    if (!UsesErrorFeedback(CodecOfTensor({entry.name, entry.tensor.shape}, codec))) continue;
    residual.Add(entry.name, std::move(entry.tensor)).IgnoreError();  // names are unique
  }
  // The residual is written before the update. After a crash between the two the task is trained
  // again; the other way round, an update would be delivered whose residual is lost.
  if (absl::Status kept =
          place_.residuals->Save(terms.run_id, task_.round(), task_.merged_round(), residual);
      !kept.ok()) {
    place_.log->error(
        "round {}: what the codec took away from the update cannot be kept on disk, and "
        "is lost: {}",
        task_.round(), kept.ToString());
  }
  return encoded;
}

void TaskRun::Keep(const SessionTerms& terms, const FinishedUpdate& update) {
  if (absl::Status kept = place_.store->Save(terms.run_id, update); !kept.ok()) {
    // The update is delivered all the same. It is lost only if the client restarts before the
    // coordinator has it.
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
    // A push may be answered with STATE_WANTED: chunks were lost on the way. That counts as a
    // break.
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
  // Asked before each push: after a break only the coordinator knows which chunks have arrived, and
  // it may have merged the update already.
  ASSIGN_OR_RETURN(v1::UpdateState state, transfer_.Ask(terms, update, place_.timings.ask));
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
      // The update stays on disk: a coordinator that has just restarted gives this answer for a
      // round that it will ask for again.
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
