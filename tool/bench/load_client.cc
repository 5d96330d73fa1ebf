#include "tool/bench/load_client.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/codec/state_decoder.h"
#include "common/rpc/bulk_transfer.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

// Deadlines only keep a broken benchmark from hanging: a round of a large model on a slow machine
// must fit. A push is repeated where the coordinator holds uploads back.
constexpr absl::Duration kCall = absl::Minutes(10);
constexpr int kMostPushes = 100;

void SetLimit(grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + kCall));
}

}  // namespace

std::shared_ptr<const v1::Welcome> SharedWelcome::Keep(v1::Welcome welcome) {
  welcome.clear_session();
  std::string bytes = welcome.SerializeAsString();
  absl::MutexLock lock(&mutex_);
  if (latest_ == nullptr || bytes != bytes_) {
    bytes_ = std::move(bytes);
    latest_ = std::make_shared<const v1::Welcome>(std::move(welcome));
  }
  return latest_;
}

LoadClient::LoadClient(Dial dial, bool dial_pulls, v1::Join join, Run run, UpdateMaker* maker,
                       SharedWelcome* welcomes, LoadCounters* counters)
    : join_(std::move(join)),
      run_(std::move(run)),
      maker_(maker),
      welcomes_(welcomes),
      counters_(counters),
      dial_(std::move(dial)),
      dial_pulls_(dial_pulls),
      channel_(dial_()),
      stub_(v1::Federation::NewStub(channel_)) {
  stream_ = std::make_unique<AttendStream>(
      stub_.get(), [this](const v1::ServerMessage& message) { OnMessage(message); },
      [this](const absl::Status&) {
        if (!finished_) ++counters_->lost;
      });
  v1::ClientMessage message;
  *message.mutable_join() = join_;
  stream_->Send(std::move(message));
}

LoadClient::~LoadClient() {
  {
    absl::MutexLock lock(&mutex_);
    closing_ = true;
    const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return jobs_ == 0; };
    mutex_.Await(absl::Condition(&idle));
  }
  stream_.reset();
}

void LoadClient::Spawn(std::function<void()> job) {
  {
    absl::MutexLock lock(&mutex_);
    if (closing_) return;
    ++jobs_;
  }
  run_([this, job = std::move(job)] {
    job();
    absl::MutexLock lock(&mutex_);
    --jobs_;
  });
}

void LoadClient::OnMessage(const v1::ServerMessage& message) {
  if (message.has_welcome()) return OnWelcome(message.welcome());
  if (message.has_attending()) ++counters_->attending;
  if (message.has_refusal()) {
    finished_ = true;
    ++counters_->refused;
  }
  if (message.has_shutdown() && message.shutdown().reason() == v1::Shutdown::REASON_RUN_FINISHED) {
    finished_ = true;
    ++counters_->finished;
    // Elsewhere, because callbacks of the stream must not call back into it.
    Spawn([this] { stream_->HalfClose(); });
  }
  if (!message.has_task()) return;
  const v1::Task& task = message.task();
  {
    absl::MutexLock lock(&mutex_);
    if (round_ == task.round() && attempt_ == task.attempt()) return;  // offered again
    round_ = task.round();
    attempt_ = task.attempt();
  }
  Spawn([this, task] {
    v1::ClientMessage accepted;
    accepted.mutable_task_accepted()->set_round(task.round());
    accepted.mutable_task_accepted()->set_attempt(task.attempt());
    stream_->Send(std::move(accepted));
    if (!DoTask(task).ok()) ++counters_->failures;
  });
}

void LoadClient::OnWelcome(const v1::Welcome& welcome) {
  const std::shared_ptr<const v1::Welcome> kept = welcomes_->Keep(welcome);
  {
    absl::MutexLock lock(&mutex_);
    session_ = welcome.session();
    welcome_ = kept;
    // The first heartbeat comes at a place in the interval that depends on the name. Otherwise
    // thousands of clients that joined together would all send theirs at the same time.
    const uint64_t part = absl::HashOf(join_.client()) % 1000;
    beat_due_ = absl::Now() + absl::Milliseconds(static_cast<int64_t>(welcome.heartbeat_ms())) *
                                  (static_cast<double>(part) / 1000);
  }
  Spawn([this, kept] {
    v1::ClientMessage message;
    *message.mutable_ready()->mutable_upload() = kept->upload();
    stream_->Send(std::move(message));
  });
}

absl::Time LoadClient::Beat(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now < beat_due_) return beat_due_;
  v1::ClientMessage message;
  message.mutable_heartbeat();
  stream_->Send(std::move(message));
  ++counters_->heartbeats;
  const int64_t late = absl::ToInt64Microseconds(now - beat_due_);
  int64_t latest = counters_->latest_heartbeat_us;
  while (latest < late && !counters_->latest_heartbeat_us.compare_exchange_weak(latest, late)) {
  }
  beat_due_ = now + absl::Milliseconds(static_cast<int64_t>(welcome_->heartbeat_ms()));
  return beat_due_;
}

absl::Status LoadClient::DoTask(const v1::Task& task) {
  RETURN_IF_ERROR(Pull(task));
  Manifest manifest;
  int64_t chunk_bytes;
  {
    absl::MutexLock lock(&mutex_);
    ASSIGN_OR_RETURN(manifest, ManifestFromProto(welcome_->upload()));
    chunk_bytes = welcome_->chunk_bytes();
  }
  ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(task.upload_codec()));
  const std::shared_ptr<const EncodedState> update = maker_->Make(
      manifest, codec, task.plain_f32(), chunk_bytes, absl::HashOf(join_.client()) + task.round());
  for (int i = 0; i < kMostPushes; ++i) {
    ASSIGN_OR_RETURN(v1::UpdateState state, Ask(task, *update));
    if (state.state() == v1::UpdateState::STATE_WANTED) {
      ASSIGN_OR_RETURN(state, Push(task, *update, state.next_chunk()));
    }
    if (state.state() == v1::UpdateState::STATE_ACCEPTED) {
      ++counters_->updates;
      return absl::OkStatus();
    }
    if (state.state() != v1::UpdateState::STATE_WANTED) {
      return absl::FailedPreconditionError(state.message());
    }
  }
  return absl::UnavailableError("the coordinator wants the update again and again");
}

absl::Status LoadClient::Pull(const v1::Task& task) {
  v1::PullRequest request;
  Manifest manifest;
  {
    absl::MutexLock lock(&mutex_);
    request.set_session(session_);
    request.set_held_version(welcome_->delta_downloads() ? held_version_ : 0);
    ASSIGN_OR_RETURN(manifest, ManifestFromProto(welcome_->download()));
  }
  request.set_round(task.round());
  grpc::ClientContext context;
  SetLimit(&context);
  ChunkReader reader(&manifest);
  grpc::GenericStub stub(dial_pulls_ ? dial_() : channel_);
  RETURN_IF_ERROR(PullChunks(&stub, request, &context, [&](absl::string_view chunk) {
    // Decoded and checked, as a real client does, but not kept: a model for each client would not
    // fit. A difference is thus never added to anything.
    return reader.Read(chunk, [](size_t, size_t, absl::Span<const float>) {});
  }));
  if (!reader.complete()) return absl::UnavailableError("the model ended early");
  absl::MutexLock lock(&mutex_);
  held_version_ = reader.version().version;
  return absl::OkStatus();
}

absl::StatusOr<v1::UpdateState> LoadClient::Ask(const v1::Task& task, const EncodedState& update) {
  v1::UpdateQuery query;
  {
    absl::MutexLock lock(&mutex_);
    query.set_session(session_);
  }
  query.set_round(task.round());
  query.set_bytes(update.bytes());
  grpc::ClientContext context;
  SetLimit(&context);
  v1::UpdateState state;
  RETURN_IF_ERROR(FromGrpcStatus(stub_->AskUpdate(&context, query, &state)));
  return state;
}

absl::StatusOr<v1::UpdateState> LoadClient::Push(const v1::Task& task, const EncodedState& update,
                                                 uint32_t first_chunk) {
  v1::PushHeader header;
  {
    absl::MutexLock lock(&mutex_);
    header.set_session(session_);
  }
  header.set_round(task.round());
  header.set_first_chunk(first_chunk);
  header.set_chunks(static_cast<uint32_t>(update.chunks().size()));
  header.set_bytes(update.bytes());
  header.set_samples(join_.data().samples());
  grpc::ClientContext context;
  SetLimit(&context);
  return PushChunks(dial_, header, update, &context);
}

}  // namespace tributary
