// A coordinator that does what a test tells it, over real gRPC on the loopback.
//
// It answers Join with Welcome and Ready with Attending unless told otherwise, serves a model, and
// collects updates as the real one does. Every wait ends after 30 s with a failed expectation.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/server.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/codec/encoded_state.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

// A model of an image client with a few thousand values.
ModelSpec TinySpec();
// Values that differ from tensor to tensor and from place to place.
StateDict NumberedState(const Manifest& manifest);

class FakeCoordinator : public v1::Federation::Service {
 public:
  using Body = v1::ClientMessage::BodyCase;

  FakeCoordinator();
  ~FakeCoordinator() override { Stop(); }

  // Stop() ends all calls at once; Start() listens again on the same port.
  void Start();
  void Stop();
  std::string address() const;

  // The next message of this kind; those of other kinds before it are dropped.
  v1::ClientMessage Await(Body kind);
  // Whether the current or next stream is closed by the client.
  void AwaitHangUp();
  void Say(v1::ServerMessage message);
  // As it stands, without numbering it.
  void SayAgain(const v1::ServerMessage& message);
  void Offer(uint32_t round, uint32_t attempt = 1, v1::Codec codec = v1::CODEC_F32,
             uint32_t merged_round = 0);
  void HangUp();

  // The complete update of `round`, decoded. Its client has been answered by then: what it is told
  // to do next does not touch it.
  StateDict AwaitUpdate(uint32_t round);
  v1::PushHeader last_header() const;
  // The chunks that pulls and pushes began with.
  std::vector<uint32_t> pulls_began() const;
  std::vector<uint32_t> pushes_began() const;
  std::vector<v1::EvaluationReport> evaluations() const;
  // What pulls said that the client holds.
  std::vector<uint64_t> held_versions() const;
  // The version of the model as it is sent.
  uint64_t version() const;
  // From now on the model is this; with `delta` set, a client that holds the one before gets
  // differences.
  void Publish(const StateDict& model, bool delta);

  // What to do otherwise than the real one. Changed under Tell().
  struct Orders {
    bool answer_join = true;
    bool answer_ready = true;
    std::optional<v1::Refusal> refuse_join;
    std::function<void(v1::Welcome*)> spoil_welcome;
    std::deque<int> cut_pulls;  // each: chunks until the next pull is cut
    std::deque<int> cut_pushes;
    // Called once, after a pull was cut.
    std::function<void()> after_cut;
    int damaged_chunks = 0;   // so many chunks are sent with a flipped byte
    grpc::Status pull_error;  // if not OK
    std::optional<v1::UpdateState::State> update_state;  // to each question and push
    std::string update_message;
    grpc::Status attend_error;  // if not OK
  };
  void Tell(const std::function<void(Orders*)>& change);

  const StateDict& model() const { return model_; }
  const Manifest& upload() const { return upload_; }

 private:
  using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>;

  grpc::Status Attend(grpc::ServerContext* context, Stream* stream) override;
  grpc::Status PullModel(grpc::ServerContext* context, const v1::PullRequest* request,
                         grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status AskUpdate(grpc::ServerContext* context, const v1::UpdateQuery* query,
                         v1::UpdateState* state) override;
  grpc::Status ReportEvaluation(grpc::ServerContext* context, const v1::EvaluationReport* report,
                                v1::UpdateState* state) override;
  grpc::Status PushUpdate(grpc::ServerContext* context, grpc::ServerReader<v1::PushMessage>* reader,
                          v1::UpdateState* state) override;

  void SayLocked(v1::ServerMessage message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerLocked(const v1::ClientMessage& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StateLocked(uint32_t round, v1::UpdateState* state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status CheckSession(const std::string& session) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct Upload {
    uint32_t chunks = 0;
    std::vector<std::string> held;
    bool answered = false;  // since it is complete
    bool complete() const { return chunks > 0 && held.size() == chunks; }
  };

  const Manifest upload_;
  StateDict model_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  mutable absl::Mutex mutex_;
  std::shared_ptr<const EncodedState> encoded_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const EncodedState> delta_ ABSL_GUARDED_BY(mutex_);  // null: none
  std::vector<uint64_t> held_versions_ ABSL_GUARDED_BY(mutex_);
  Orders orders_ ABSL_GUARDED_BY(mutex_);
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  grpc::ServerContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  int sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  int hang_ups_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<v1::ClientMessage> heard_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, Upload> uploads_ ABSL_GUARDED_BY(mutex_);
  v1::PushHeader header_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::EvaluationReport> evaluations_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint32_t> pulls_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint32_t> pushes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
