#include "tests/unit/client/daemon/fake_coordinator.h"

#include <utility>

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/codec/state_decoder.h"
#include "common/rpc/channel.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"

namespace tributary {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr char kRun[] = "run-1";

Manifest TinyManifest(TensorScope scope) {
  return *ModelManifest(TinySpec(), Modality::kImage, scope);
}

}  // namespace

ModelSpec TinySpec() {
  return {.dim = 8,
          .depth = 1,
          .heads = 2,
          .patch = 4,
          .image_size = 8,
          .channels = 3,
          .max_tokens = 4,
          .vocabulary_size = 20,
          .drop_path = 0,
          .classes = 3,
          .complementary = ComplementaryLayers::kAll};
}

StateDict NumberedState(const Manifest& manifest) {
  StateDict state;
  float next = 0;
  for (const TensorSpec& spec : manifest.tensors) {
    Tensor tensor = Tensor::Zeros(spec.shape);
    for (float& value : tensor.values) value = next += 0.001f;
    EXPECT_TRUE(state.Add(spec.name, std::move(tensor)).ok());
  }
  return state;
}

FakeCoordinator::FakeCoordinator()
    : upload_(TinyManifest(TensorScope::kUpload)),
      model_(NumberedState(TinyManifest(TensorScope::kDownload))) {
  Publish(model_, false);
  {
    absl::MutexLock lock(&mutex_);
    EXPECT_GE(encoded_->chunks().size(), 4u) << "tests of resumption need several chunks";
  }
  Start();
}

void FakeCoordinator::Start() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_), grpc::InsecureServerCredentials(),
                           &port_);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  ConfigureConnections(absl::Seconds(20), &builder);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
}

void FakeCoordinator::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(absl::Now()));
  server_->Wait();
  server_.reset();
}

std::string FakeCoordinator::address() const { return absl::StrCat("127.0.0.1:", port_); }

v1::ClientMessage FakeCoordinator::Await(Body kind) {
  absl::MutexLock lock(&mutex_);
  std::optional<v1::ClientMessage> found;
  const auto take = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!heard_.empty() && !found) {
      if (heard_.front().body_case() == kind) found = heard_.front();
      heard_.pop_front();
    }
    return found.has_value();
  };
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&take), kPatience))
      << "no message of kind " << kind;
  return found.value_or(v1::ClientMessage());
}

void FakeCoordinator::AwaitHangUp() {
  absl::MutexLock lock(&mutex_);
  const auto hung_up = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return hang_ups_ > 0; };
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&hung_up), kPatience));
  --hang_ups_;
}

void FakeCoordinator::Say(v1::ServerMessage message) {
  absl::MutexLock lock(&mutex_);
  SayLocked(std::move(message));
}

void FakeCoordinator::SayLocked(v1::ServerMessage message) {
  message.set_sequence(++sequence_);
  if (stream_ != nullptr) stream_->Write(message);
}

void FakeCoordinator::SayAgain(const v1::ServerMessage& message) {
  absl::MutexLock lock(&mutex_);
  if (stream_ != nullptr) stream_->Write(message);
}

void FakeCoordinator::Offer(uint32_t round, uint32_t attempt, v1::Codec codec,
                            uint32_t merged_round) {
  v1::ServerMessage message;
  v1::Task* task = message.mutable_task();
  task->set_round(round);
  task->set_attempt(attempt);
  task->set_seed(42);
  task->set_upload_codec(codec);
  task->set_merged_round(merged_round);
  task->set_deadline_ms(60'000);
  Say(std::move(message));
}

void FakeCoordinator::HangUp() {
  absl::MutexLock lock(&mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

StateDict FakeCoordinator::AwaitUpdate(uint32_t round) {
  StateDecoder decoder(upload_);
  absl::MutexLock lock(&mutex_);
  const auto complete = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return uploads_[round].answered;
  };
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&complete), kPatience))
      << "no update of round " << round;
  for (const std::string& chunk : uploads_[round].held) {
    const absl::Status status = decoder.Add(chunk);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(decoder.complete());
  return std::move(decoder).Take();
}

void FakeCoordinator::Publish(const StateDict& model, bool delta) {
  const auto whole = EncodedState::Encode(model, Codec::kF32, 512, 1);
  StateDict difference = model;
  for (size_t i = 0; i < difference.size(); ++i) {
    std::vector<float>& values = difference[i].tensor.values;
    for (size_t j = 0; j < values.size(); ++j) values[j] -= model_[i].tensor.values[j];
  }
  absl::MutexLock lock(&mutex_);
  delta_ = nullptr;
  if (delta) {
    delta_ = EncodedState::Encode(
        EncodedState::SourcesOf(difference), nullptr,
        {.codec = Codec::kF32,
         .chunk_bytes = 512,
         .version = {.version = whole->version().version, .base = encoded_->version().version}});
  }
  encoded_ = whole;
  model_ = model;
}

std::vector<uint64_t> FakeCoordinator::held_versions() const {
  absl::MutexLock lock(&mutex_);
  return held_versions_;
}
uint64_t FakeCoordinator::version() const {
  absl::MutexLock lock(&mutex_);
  return encoded_->version().version;
}

v1::PushHeader FakeCoordinator::last_header() const {
  absl::MutexLock lock(&mutex_);
  return header_;
}
std::vector<uint32_t> FakeCoordinator::pulls_began() const {
  absl::MutexLock lock(&mutex_);
  return pulls_;
}
std::vector<uint32_t> FakeCoordinator::pushes_began() const {
  absl::MutexLock lock(&mutex_);
  return pushes_;
}
void FakeCoordinator::Tell(const std::function<void(Orders*)>& change) {
  absl::MutexLock lock(&mutex_);
  change(&orders_);
}

void FakeCoordinator::AnswerLocked(const v1::ClientMessage& message) {
  v1::ServerMessage answer;
  if (message.has_join() && orders_.refuse_join) {
    *answer.mutable_refusal() = *orders_.refuse_join;
    orders_.refuse_join.reset();
    SayLocked(std::move(answer));
  } else if (message.has_join() && orders_.answer_join) {
    v1::Welcome* welcome = answer.mutable_welcome();
    welcome->set_protocol(kProtocolVersion);
    welcome->set_software_version("test");
    welcome->set_run_id(kRun);
    welcome->set_run_name("a run");
    welcome->set_session(absl::StrCat("session-", ++sessions_));
    *welcome->mutable_model() = ModelSpecToProto(TinySpec());
    *welcome->mutable_download() = ManifestToProto(Manifest::Of(model_));
    *welcome->mutable_upload() = ManifestToProto(upload_);
    welcome->set_heartbeat_ms(50);
    welcome->set_chunk_bytes(1);  // the client takes its least, so that an update has some chunks
    if (orders_.spoil_welcome) orders_.spoil_welcome(welcome);
    SayLocked(std::move(answer));
  } else if (message.has_ready() && orders_.answer_ready) {
    answer.mutable_attending();
    SayLocked(std::move(answer));
  }
}

grpc::Status FakeCoordinator::Attend(grpc::ServerContext* context, Stream* stream) {
  {
    absl::MutexLock lock(&mutex_);
    if (!orders_.attend_error.ok()) return orders_.attend_error;
    stream_ = stream;
    context_ = context;
    sequence_ = 0;
  }
  v1::ClientMessage message;
  uint64_t last = 0;
  while (stream->Read(&message)) {
    EXPECT_EQ(message.sequence(), ++last);
    absl::MutexLock lock(&mutex_);
    heard_.push_back(message);
    AnswerLocked(message);
    if (message.has_leave()) break;
  }
  absl::MutexLock lock(&mutex_);
  ++hang_ups_;
  if (stream_ == stream) {
    stream_ = nullptr;
    context_ = nullptr;
  }
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::CheckSession(const std::string& session) const {
  if (session == absl::StrCat("session-", sessions_)) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "unknown session");
}

grpc::Status FakeCoordinator::PullModel(grpc::ServerContext*, const v1::PullRequest* request,
                                        grpc::ServerWriter<v1::Chunk>* writer) {
  std::function<void()> after_cut;
  // Runs last: what it calls may take the lock.
  const absl::Cleanup call = [&] {
    if (after_cut) after_cut();
  };
  absl::MutexLock lock(&mutex_);
  if (const grpc::Status known = CheckSession(request->session()); !known.ok()) return known;
  pulls_.push_back(request->first_chunk());
  held_versions_.push_back(request->held_version());
  if (!orders_.pull_error.ok()) return orders_.pull_error;
  const bool fits = delta_ != nullptr && request->held_version() == delta_->version().base;
  const EncodedState& sent = fits ? *delta_ : *encoded_;
  size_t end = sent.chunks().size();
  const bool cut = !orders_.cut_pulls.empty();
  if (cut) {
    end = request->first_chunk() + static_cast<size_t>(orders_.cut_pulls.front());
    orders_.cut_pulls.pop_front();
    after_cut = std::exchange(orders_.after_cut, nullptr);
  }
  for (size_t i = request->first_chunk(); i < end; ++i) {
    v1::Chunk chunk;
    EXPECT_TRUE(chunk.ParseFromString(std::string(sent.chunks()[i])));
    if (orders_.damaged_chunks > 0) {
      --orders_.damaged_chunks;
      (*chunk.mutable_slices(0)->mutable_payload())[0] ^= 1;
    }
    writer->Write(chunk);
  }
  return cut ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut by the test") : grpc::Status::OK;
}

void FakeCoordinator::StateLocked(uint32_t round, v1::UpdateState* state) {
  const auto upload = uploads_.find(round);
  if (upload != uploads_.end() && upload->second.complete()) upload->second.answered = true;
  if (orders_.update_state) {
    state->set_state(*orders_.update_state);
  } else if (upload != uploads_.end() && upload->second.complete()) {
    state->set_state(v1::UpdateState::STATE_ACCEPTED);
  } else {
    state->set_state(v1::UpdateState::STATE_WANTED);
    state->set_next_chunk(
        upload == uploads_.end() ? 0 : static_cast<uint32_t>(upload->second.held.size()));
  }
  state->set_message(orders_.update_message);
}

grpc::Status FakeCoordinator::AskUpdate(grpc::ServerContext*, const v1::UpdateQuery* query,
                                        v1::UpdateState* state) {
  absl::MutexLock lock(&mutex_);
  if (const grpc::Status known = CheckSession(query->session()); !known.ok()) return known;
  StateLocked(query->round(), state);
  return grpc::Status::OK;
}

std::vector<v1::EvaluationReport> FakeCoordinator::evaluations() const {
  absl::MutexLock lock(&mutex_);
  return evaluations_;
}

grpc::Status FakeCoordinator::ReportEvaluation(grpc::ServerContext*,
                                               const v1::EvaluationReport* report,
                                               v1::UpdateState* state) {
  absl::MutexLock lock(&mutex_);
  if (const grpc::Status known = CheckSession(report->session()); !known.ok()) return known;
  evaluations_.push_back(*report);
  state->set_state(v1::UpdateState::STATE_ACCEPTED);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::PushUpdate(grpc::ServerContext*,
                                         grpc::ServerReader<v1::PushMessage>* reader,
                                         v1::UpdateState* state) {
  v1::PushMessage message;
  if (!reader->Read(&message) || !message.has_header()) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no header");
  }
  const uint32_t round = message.header().round();
  int left = -1;
  {
    absl::MutexLock lock(&mutex_);
    if (const grpc::Status known = CheckSession(message.header().session()); !known.ok()) {
      return known;
    }
    header_ = message.header();
    pushes_.push_back(header_.first_chunk());
    uploads_[round].chunks = header_.chunks();
    EXPECT_EQ(uploads_[round].held.size(), header_.first_chunk());
    if (!orders_.cut_pushes.empty()) {
      left = orders_.cut_pushes.front();
      orders_.cut_pushes.pop_front();
    }
  }
  while (left != 0 && reader->Read(&message)) {
    absl::MutexLock lock(&mutex_);
    EXPECT_EQ(message.chunk().index(), uploads_[round].held.size());
    uploads_[round].held.push_back(message.chunk().SerializeAsString());
    --left;
  }
  if (left == 0) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut by the test");
  absl::MutexLock lock(&mutex_);
  StateLocked(round, state);
  return grpc::Status::OK;
}

}  // namespace tributary
