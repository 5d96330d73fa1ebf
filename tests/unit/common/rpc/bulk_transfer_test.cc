#include "common/rpc/bulk_transfer.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/base/random.h"
#include "common/rpc/bulk_message.h"
#include "tests/unit/common/rpc/scripted_federation.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::Chunk ChunkNumber(uint32_t index) {
  v1::Chunk chunk;
  chunk.set_index(index);
  chunk.set_count(6);
  return chunk;
}

std::shared_ptr<const EncodedState> SomeUpdate() {
  StateDict state;
  RandomStream stream(1, "bulk_transfer_test");
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    Tensor tensor = Tensor::Zeros({1'000});
    for (float& value : tensor.values) value = static_cast<float>(stream.Normal());
    EXPECT_TRUE(state.Add(name, std::move(tensor)).ok());
  }
  auto encoded = EncodedState::Encode(state, Codec::kF32, 1'000, 1);
  EXPECT_GE(encoded->chunks().size(), 3u);
  return encoded;
}

class BulkTransferTest : public testing::Test {
 protected:
  BulkTransferTest() {
    service_.Start();
    SetPatience(&context_);
  }

  absl::Status Pull(absl::FunctionRef<absl::Status(absl::string_view)> take,
                    const v1::PullRequest& request = {}) {
    grpc::GenericStub stub(service_.Dial());
    return PullChunks(&stub, request, &context_, take);
  }
  absl::StatusOr<v1::UpdateState> Push(uint32_t first_chunk, const EncodedState& update) {
    v1::PushHeader header;
    header.set_session("session");
    header.set_round(3);
    header.set_first_chunk(first_chunk);
    return PushChunks(
        [this] {
          ++dials_;
          return service_.Dial();
        },
        header, update, &context_);
  }
  // Keeps what is pushed and answers that all was accepted.
  void CollectPushes() {
    service_.push = [this](auto*, auto* reader, v1::UpdateState* state) {
      v1::PushMessage message;
      while (reader->Read(&message)) {
        if (message.has_header()) {
          headers_.push_back(message.header());
        } else {
          chunks_.push_back(message.chunk().SerializeAsString());
        }
      }
      state->set_state(v1::UpdateState::STATE_ACCEPTED);
      return grpc::Status::OK;
    };
  }

  ScriptedFederation service_;
  grpc::ClientContext context_;
  int dials_ = 0;
  std::vector<v1::PushHeader> headers_;
  std::vector<std::string> chunks_;
};

TEST_F(BulkTransferTest, APullHandsEachChunkOnInOrder) {
  v1::PullRequest asked;
  service_.pull = [&](auto*, const v1::PullRequest& request, auto* writer) {
    asked = request;
    for (uint32_t i = 0; i < 6; ++i) writer->Write(ChunkNumber(i));
    return grpc::Status::OK;
  };
  v1::PullRequest request;
  request.set_session("session");
  request.set_round(9);
  request.set_first_chunk(2);
  request.set_held_version(77);
  std::vector<uint32_t> indices;
  const absl::Status status = Pull(
      [&](absl::string_view bytes) {
        v1::Chunk chunk;
        EXPECT_TRUE(chunk.ParseFromString(std::string(bytes)));
        indices.push_back(chunk.index());
        return absl::OkStatus();
      },
      request);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(indices, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(asked.SerializeAsString(), request.SerializeAsString());
}

TEST_F(BulkTransferTest, AChunkThatIsNotTakenEndsThePull) {
  absl::Notification ended;
  service_.pull = [&](grpc::ServerContext* context, const auto&, auto* writer) {
    for (uint32_t i = 0; !context->IsCancelled(); ++i) writer->Write(ChunkNumber(i));
    ended.Notify();
    return grpc::Status::CANCELLED;
  };
  int taken = 0;
  const absl::Status status = Pull([&](absl::string_view) {
    return ++taken == 3 ? absl::DataLossError("chunk 2: checksum") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::DataLossError("chunk 2: checksum"));
  EXPECT_EQ(taken, 3);
  EXPECT_TRUE(ended.WaitForNotificationWithTimeout(absl::Seconds(30)));
}

TEST_F(BulkTransferTest, AChunkThatIsNotTakenMattersMoreThanTheServersStatus) {
  service_.pull = [](auto*, const auto&, auto* writer) {
    writer->Write(ChunkNumber(0));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
  };
  EXPECT_EQ(Pull([](absl::string_view) { return absl::OutOfRangeError("infinity"); }),
            absl::OutOfRangeError("infinity"));
}

TEST_F(BulkTransferTest, ThePullsStatusIsTheServers) {
  service_.pull = [](auto*, const auto&, auto* writer) {
    writer->Write(ChunkNumber(0));
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "unknown session");
  };
  int taken = 0;
  EXPECT_EQ(Pull([&](absl::string_view) {
              ++taken;
              return absl::OkStatus();
            }),
            absl::UnauthenticatedError("unknown session"));
  EXPECT_EQ(taken, 1) << "what came before the error counts";
}

TEST_F(BulkTransferTest, APushIsAHeaderAndAllChunks) {
  CollectPushes();
  const auto update = SomeUpdate();
  const auto state = Push(0, *update);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->state(), v1::UpdateState::STATE_ACCEPTED);
  ASSERT_EQ(headers_.size(), 1u);
  EXPECT_EQ(headers_[0].session(), "session");
  EXPECT_EQ(headers_[0].round(), 3u);
  ASSERT_EQ(chunks_.size(), update->chunks().size());
  for (size_t i = 0; i < chunks_.size(); ++i) EXPECT_EQ(chunks_[i], update->chunks()[i]) << i;
}

TEST_F(BulkTransferTest, APushBeginsAtTheChunkThatTheHeaderNames) {
  CollectPushes();
  const auto update = SomeUpdate();
  ASSERT_TRUE(Push(2, *update).ok());
  ASSERT_EQ(chunks_.size(), update->chunks().size() - 2);
  EXPECT_EQ(chunks_.front(), update->chunks()[2]);
}

TEST_F(BulkTransferTest, WhereAllChunksAreHeldTheHeaderGoesAlone) {
  CollectPushes();
  const auto update = SomeUpdate();
  const auto state = Push(static_cast<uint32_t>(update->chunks().size()), *update);
  EXPECT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(headers_.size(), 1u);
  EXPECT_THAT(chunks_, IsEmpty());
}

TEST_F(BulkTransferTest, ChunksBeyondTheLastAreInternalAndNobodyIsDialled) {
  const auto update = SomeUpdate();
  const auto state = Push(static_cast<uint32_t>(update->chunks().size()) + 1, *update);
  EXPECT_EQ(state.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(state.status().message()),
              HasSubstr(absl::StrCat("of an update of ", update->chunks().size())));
  EXPECT_EQ(dials_, 0);
}

TEST_F(BulkTransferTest, EachPushHasAConnectionOfItsOwn) {
  std::vector<std::string> peers;
  service_.push = [&](grpc::ServerContext* context, auto* reader, auto*) {
    peers.push_back(context->peer());
    v1::PushMessage message;
    while (reader->Read(&message)) {
    }
    return grpc::Status::OK;
  };
  const auto update = SomeUpdate();
  ASSERT_TRUE(Push(0, *update).ok());
  grpc::ClientContext second;
  SetPatience(&second);
  v1::PushHeader header;
  ASSERT_TRUE(PushChunks([this] { return service_.Dial(); }, header, *update, &second).ok());
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_NE(peers[0], peers[1]);
  EXPECT_EQ(dials_, 1);
}

TEST_F(BulkTransferTest, ACoordinatorThatHangsUpEarlyTellsWhy) {
  service_.push = [](auto*, auto* reader, auto*) {
    v1::PushMessage header;
    reader->Read(&header);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "chunk 0: tensor w has no value 7");
  };
  EXPECT_EQ(Push(0, *SomeUpdate()).status(),
            absl::InvalidArgumentError("chunk 0: tensor w has no value 7"));
}

// Answers every call with the same bytes, or with none.
class Answers : public grpc::CallbackGenericService {
 public:
  explicit Answers(const char* answer) : answer_(answer) {}

  std::string Serve(std::unique_ptr<grpc::Server>* server) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(this);
    *server = builder.BuildAndStart();
    return absl::StrCat("127.0.0.1:", port);
  }

 private:
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    explicit Reactor(const char* answer) {
      if (answer == nullptr) {
        Finish(grpc::Status::OK);
        return;
      }
      const grpc::Slice slice{std::string(answer)};
      buffer_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&buffer_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer buffer_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Reactor(answer_);
  }

  const char* const answer_;
};

TEST(PushAnswerTest, AnAnswerThatIsNoUpdateStateIsInternal) {
  for (const char* answer : {static_cast<const char*>(nullptr), "\xff\xff"}) {
    Answers service(answer);
    std::unique_ptr<grpc::Server> server;
    const std::string address = service.Serve(&server);
    ASSERT_NE(server, nullptr);
    grpc::ClientContext context;
    SetPatience(&context);
    const auto state =
        PushChunks([&] { return MakeChannel(address, grpc::InsecureChannelCredentials()); }, {},
                   *SomeUpdate(), &context);
    EXPECT_EQ(state.status().code(), absl::StatusCode::kInternal) << state.status();
    EXPECT_THAT(std::string(state.status().message()), HasSubstr("not an UpdateState"));
    server->Shutdown();
  }
}

}  // namespace
}  // namespace tributary
