// The services on gRPC, over the loopback: what the reactors read, write and end
// with. What it means is tested in attend_session_test and transfer_session_test.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"
#include "server/method/method_hooks.h"
#include "server/service/federation_service.h"
#include "server/service/operator_service.h"
#include "tests/unit/server/registry/fake_link.h"
#include "tests/unit/server/registry/tiny_run.h"
#include "tests/unit/server/round/tiny_round.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ServicesTest : public testing::Test {
 protected:
  ServicesTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&federation_);
    builder.RegisterService(&operator_);
    server_ = builder.BuildAndStart();
    const auto channel =
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
    federation_stub_ = v1::Federation::NewStub(channel);
    operator_stub_ = v1::Operator::NewStub(channel);
  }
  ~ServicesTest() override { server_->Shutdown(); }

  // Puts round 4 under way, with client a linked; its session.
  std::string OpenRound() {
    live_ = tiny_.Open(4);
    active_.Set(live_);
    v1::Join join;
    join.set_client("a");
    return *registry_.Attach(join, Modality::kText, std::make_shared<FakeLink>());
  }
  grpc::Status Push(const std::vector<v1::PushMessage>& messages, v1::UpdateState* state) {
    grpc::ClientContext context;
    const auto stream = federation_stub_->PushUpdate(&context, state);
    for (const v1::PushMessage& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    return stream->Finish();
  }
  // A header and all chunks.
  std::vector<v1::PushMessage> WholePush(const std::string& session) const {
    std::vector<v1::PushMessage> messages(1);
    v1::PushHeader* header = messages[0].mutable_header();
    header->set_session(session);
    header->set_round(4);
    header->set_chunks(static_cast<uint32_t>(encoded_->chunks().size()));
    for (const absl::Cord& chunk : encoded_->chunks()) {
      EXPECT_TRUE(messages.emplace_back().mutable_chunk()->ParseFromString(std::string(chunk)));
    }
    return messages;
  }

  TinyRound tiny_;
  const std::shared_ptr<const EncodedState> encoded_ = TinyRound::Encoded();
  const RunContext context_ = TinyContext();
  const ScratchFolder scratch_;
  std::unique_ptr<RunStore> store_ = *RunStore::Open(scratch_ / "state");
  ClientRegistry registry_{absl::Seconds(5), &tiny_.clock()};
  const MethodHooks hooks_{};
  Coordinator coordinator_{
      {.context = &context_,
       .store = store_.get(),
       .events = tiny_.log(),
       .registry = &registry_,
       .hooks = &hooks_,
       .clock = &tiny_.clock(),
       .initial = TinyGlobals(context_),
       .evaluate = [](const auto&) { return std::map<std::string, TaskMetrics>(); }}};
  ActiveRound active_;
  std::shared_ptr<LiveRound> live_;
  const ServiceDependencies deps_{.context = &context_,
                                  .registry = &registry_,
                                  .coordinator = &coordinator_,
                                  .active = &active_,
                                  .events = tiny_.log()};
  FederationService federation_{deps_, 1};
  OperatorService operator_{deps_, &tiny_.clock()};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Federation::Stub> federation_stub_;
  std::unique_ptr<v1::Operator::Stub> operator_stub_;
};

TEST_F(ServicesTest, APullStreamsTheModelsChunks) {
  v1::PullRequest request;
  request.set_session(OpenRound());
  request.set_round(4);
  request.set_first_chunk(1);
  grpc::ClientContext context;
  const auto stream = federation_stub_->PullModel(&context, request);
  std::vector<uint32_t> indices;
  for (v1::Chunk chunk; stream->Read(&chunk);) indices.push_back(chunk.index());
  const grpc::Status end = stream->Finish();
  EXPECT_TRUE(end.ok()) << end.error_message();
  ASSERT_EQ(indices.size(), encoded_->chunks().size() - 1);
  EXPECT_EQ(indices.front(), 1u);
  EXPECT_EQ(indices.back(), encoded_->chunks().size() - 1);
}

TEST_F(ServicesTest, APullThatMayNotBeEndsWithItsReason) {
  v1::PullRequest request;
  request.set_session("guess");
  grpc::ClientContext context;
  const auto stream = federation_stub_->PullModel(&context, request);
  v1::Chunk chunk;
  EXPECT_FALSE(stream->Read(&chunk));
  const grpc::Status end = stream->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(end.error_message(), HasSubstr("unknown session"));
}

TEST_F(ServicesTest, AWholePushIsAnsweredOnceItIsAdded) {
  v1::UpdateState state;
  const grpc::Status end = Push(WholePush(OpenRound()), &state);
  EXPECT_TRUE(end.ok()) << end.error_message();
  EXPECT_EQ(state.state(), v1::UpdateState::STATE_ACCEPTED);
  EXPECT_EQ(live_->Updates().size(), 1u);
}

TEST_F(ServicesTest, APushWithoutAHeaderIsAnError) {
  std::vector<v1::PushMessage> messages = WholePush(OpenRound());
  messages.erase(messages.begin());
  v1::UpdateState state;
  EXPECT_EQ(Push(messages, &state).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Push({}, &state).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServicesTest, APushThatHoldsASecondHeaderIsAnError) {
  std::vector<v1::PushMessage> messages = WholePush(OpenRound());
  messages[1] = messages[0];
  v1::UpdateState state;
  EXPECT_EQ(Push(messages, &state).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServicesTest, APushOfABrokenChunkIsAnsweredWithTheRefusal) {
  std::vector<v1::PushMessage> messages = WholePush(OpenRound());
  messages[1].mutable_chunk()->mutable_slices(0)->set_tensor(7);
  v1::UpdateState state;
  const grpc::Status end = Push(messages, &state);
  EXPECT_TRUE(end.ok()) << end.error_message();
  EXPECT_EQ(state.state(), v1::UpdateState::STATE_REFUSED);
}

TEST_F(ServicesTest, AQuestionIsAnsweredAndOneOfAStrangerIsAnError) {
  v1::UpdateQuery query;
  query.set_session(OpenRound());
  query.set_round(4);
  v1::UpdateState state;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(federation_stub_->AskUpdate(&context, query, &state).ok());
    EXPECT_EQ(state.state(), v1::UpdateState::STATE_WANTED);
  }
  query.set_session("guess");
  grpc::ClientContext context;
  EXPECT_EQ(federation_stub_->AskUpdate(&context, query, &state).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

v1::ClientMessage JoinMessage() {
  v1::ClientMessage message;
  message.set_sequence(1);
  v1::Join* join = message.mutable_join();
  join->set_protocol(kProtocolVersion);
  join->set_client("site-1");
  join->set_vocabulary("vocabulary-digest");
  join->mutable_data()->set_dataset("words");
  join->mutable_data()->set_modality(v1::MODALITY_TEXT);
  join->mutable_data()->set_samples(100);
  join->mutable_data()->set_classes(5);
  for (const auto codec : {v1::CODEC_F32, v1::CODEC_F16, v1::CODEC_INT8_BLOCK}) {
    join->add_codecs(codec);
  }
  return message;
}

TEST_F(ServicesTest, AnOperatorsActionsReachTheRunAndItsStatus) {
  const auto context = [] { return std::make_unique<grpc::ClientContext>(); };
  v1::ActionReply reply;
  v1::PauseRequest pause;
  pause.set_reason("maintenance");
  EXPECT_TRUE(operator_stub_->Pause(context().get(), pause, &reply).ok());
  EXPECT_EQ(operator_stub_->Pause(context().get(), pause, &reply).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  v1::EvictRequest evict;
  evict.set_client("site-9");
  evict.set_reason("bad data");
  EXPECT_TRUE(operator_stub_->Evict(context().get(), evict, &reply).ok());
  v1::SetRoundsRequest set;
  set.set_rounds(40);
  EXPECT_TRUE(operator_stub_->SetRounds(context().get(), set, &reply).ok());
  set.set_rounds(4'000'000'000);
  EXPECT_EQ(operator_stub_->SetRounds(context().get(), set, &reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::RunStatus status;
  ASSERT_TRUE(operator_stub_->GetStatus(context().get(), {}, &status).ok());
  EXPECT_EQ(status.paused().by(), "local");
  EXPECT_EQ(status.paused().reason(), "maintenance");
  ASSERT_EQ(status.evicted_size(), 1);
  EXPECT_EQ(status.evicted(0).client(), "site-9");
  EXPECT_EQ(status.evicted(0).time(), "1970-01-01T00:16:40.000Z");
  EXPECT_EQ(status.rounds(), 40u);
  v1::ForgiveRequest forgive;
  forgive.set_client("site-9");
  EXPECT_TRUE(operator_stub_->Forgive(context().get(), forgive, &reply).ok());
  EXPECT_TRUE(operator_stub_->Resume(context().get(), {}, &reply).ok());
  ASSERT_TRUE(operator_stub_->GetStatus(context().get(), {}, &status).ok());
  EXPECT_FALSE(status.has_paused());
  EXPECT_EQ(status.evicted_size(), 0);
}

TEST_F(ServicesTest, AClientAttendsUntilItLeaves) {
  absl::Notification left;
  const int subscription = tiny_.log()->Subscribe(0, [&](const RunEvent& event) {
    if (event.kind == "client_left") left.Notify();
  });
  grpc::ClientContext context;
  const auto stream = federation_stub_->Attend(&context);
  ASSERT_TRUE(stream->Write(JoinMessage()));
  v1::ServerMessage message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.has_welcome());
  EXPECT_EQ(message.sequence(), 1u);
  v1::ClientMessage ready;
  ready.set_sequence(2);
  *ready.mutable_ready()->mutable_upload() = ManifestToProto(context_.datasets.at("words").upload);
  ASSERT_TRUE(stream->Write(ready));
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.has_attending());
  EXPECT_EQ(message.sequence(), 2u);
  v1::ServerMessage task;
  task.mutable_task()->set_round(1);
  EXPECT_TRUE(registry_.Send("site-1", task));
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.task().round(), 1u);
  v1::ClientMessage leave;
  leave.set_sequence(3);
  leave.mutable_leave()->set_reason("maintenance");
  ASSERT_TRUE(stream->Write(leave));
  EXPECT_FALSE(stream->Read(&message)) << "the coordinator ends the stream";
  EXPECT_TRUE(stream->Finish().ok());
  left.WaitForNotification();
  EXPECT_EQ(registry_.linked(), 0);
  tiny_.log()->Unsubscribe(subscription);
}

TEST_F(ServicesTest, ARefusedClientIsToldWhyAndItsStreamEnds) {
  grpc::ClientContext context;
  const auto stream = federation_stub_->Attend(&context);
  v1::ClientMessage join = JoinMessage();
  join.mutable_join()->mutable_data()->set_dataset("sounds");
  ASSERT_TRUE(stream->Write(join));
  v1::ServerMessage message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.refusal().reason(), v1::Refusal::REASON_DATA);
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServicesTest, AStreamThatBreaksIsALossOfItsClient) {
  absl::Notification left;
  const int subscription = tiny_.log()->Subscribe(0, [&](const RunEvent& event) {
    if (event.kind == "client_left") left.Notify();
  });
  {
    grpc::ClientContext context;
    const auto stream = federation_stub_->Attend(&context);
    ASSERT_TRUE(stream->Write(JoinMessage()));
    v1::ServerMessage message;
    ASSERT_TRUE(stream->Read(&message));
    context.TryCancel();
    stream->Finish();
  }
  left.WaitForNotification();
  EXPECT_EQ(registry_.linked(), 0);
  tiny_.log()->Unsubscribe(subscription);
}

TEST_F(ServicesTest, StatusTellsOfTheRunAndItsClients) {
  OpenRound();
  grpc::ClientContext context;
  v1::RunStatus status;
  ASSERT_TRUE(operator_stub_->GetStatus(&context, {}, &status).ok());
  EXPECT_EQ(status.run_name(), "tiny");
  ASSERT_EQ(status.clients_size(), 1);
  EXPECT_EQ(status.clients(0).client(), "a");
  EXPECT_EQ(status.clients(0).last_heard_ms(), 0u);
}

TEST_F(ServicesTest, AWatcherSeesWhatPassedAndWhatComesUntilTheRunEnds) {
  tiny_.log()->Emit("first", "one");
  tiny_.log()->Emit("second", "two", {{"round", 1}});
  v1::WatchRequest request;
  request.set_first_sequence(2);
  grpc::ClientContext context;
  const auto stream = operator_stub_->WatchEvents(&context, request);
  v1::Event event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.kind(), "second");
  EXPECT_EQ(event.message(), "two");
  EXPECT_EQ(event.data().fields().at("round").number_value(), 1);
  tiny_.log()->Emit("third", "three");
  tiny_.log()->Emit("run_stopped", "stopped");
  std::vector<std::string> kinds;
  while (stream->Read(&event)) kinds.push_back(event.kind());
  EXPECT_THAT(kinds, ElementsAre("third", "run_stopped"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServicesTest, AnOperatorStopsTheRun) {
  grpc::ClientContext context;
  v1::StopRequest request;
  request.set_reason("maintenance");
  v1::StopReply reply;
  ASSERT_TRUE(operator_stub_->Stop(&context, request, &reply).ok());
  const absl::Status end = coordinator_.Run();
  EXPECT_EQ(end.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(std::string(end.message()), "by operator local: maintenance");
}

}  // namespace
}  // namespace tributary
