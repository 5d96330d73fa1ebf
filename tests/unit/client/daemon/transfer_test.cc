#include "client/daemon/transfer.h"

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/codec/encoded_state.h"
#include "tests/unit/common/rpc/scripted_federation.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Seconds(30);

StateDict Model() {
  StateDict state;
  Tensor tensor = Tensor::Zeros({8, 2000});
  for (size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = static_cast<float>(i) / 7;
  EXPECT_TRUE(state.Add("w", std::move(tensor)).ok());
  return state;
}

class TransferTest : public testing::Test {
 protected:
  TransferTest() {
    terms_.session = "session";
    update_.round = 4;
    update_.samples = 99;
    update_.report.set_steps(12);
    update_.state = encoded_;
    service_.Start();
    const auto channel = service_.Dial();
    stub_ = v1::Federation::NewStub(channel);
    bulk_ = std::make_unique<grpc::GenericStub>(channel);
    EXPECT_GE(encoded_->chunks().size(), 4u);
  }

  // A pull that sends chunks from where it is asked up to `end`, and then `status`.
  void ServeChunks(size_t end, const grpc::Status& status = grpc::Status::OK) {
    service_.pull = [=, this](auto*, const v1::PullRequest& request, auto* writer) {
      request_ = request;
      for (size_t i = request.first_chunk(); i < end; ++i) {
        v1::Chunk chunk;
        EXPECT_TRUE(chunk.ParseFromString(std::string(encoded_->chunks()[i])));
        writer->Write(chunk);
      }
      return status;
    };
  }
  absl::Status Pull(StateDecoder* decoder, uint64_t held_version = 0,
                    absl::Duration limit = kLimit) {
    return transfer().Pull(terms_, 4, limit, held_version, decoder);
  }
  Transfer transfer() { return Transfer(stub_.get(), bulk_.get(), &dial_, &gate_, &token_); }
  size_t chunks() const { return encoded_->chunks().size(); }

  const StateDict model_ = Model();
  const std::shared_ptr<const EncodedState> encoded_ =
      EncodedState::Encode(model_, Codec::kF32, 512, 1);
  ScriptedFederation service_;
  const Dial dial_ = [this] { return service_.Dial(); };
  std::unique_ptr<v1::Federation::Stub> stub_;
  std::unique_ptr<grpc::GenericStub> bulk_;
  WorkGate gate_;
  CancelToken token_;
  SessionTerms terms_;
  FinishedUpdate update_;
  v1::PullRequest request_;
};

TEST_F(TransferTest, APullEndsWithAllValues) {
  ServeChunks(chunks());
  StateDecoder decoder(Manifest::Of(model_));
  const absl::Status status = Pull(&decoder, 17);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(request_.session(), "session");
  EXPECT_EQ(request_.round(), 4u);
  EXPECT_EQ(request_.first_chunk(), 0u);
  EXPECT_EQ(request_.held_version(), 17u);
  EXPECT_EQ(std::move(decoder).Take()[0].tensor.values, model_[0].tensor.values);
}

TEST_F(TransferTest, ThePullAfterABrokenOneGoesOnAtTheNextChunk) {
  ServeChunks(2, grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut"));
  StateDecoder decoder(Manifest::Of(model_));
  EXPECT_EQ(Pull(&decoder), absl::UnavailableError("cut"));
  EXPECT_EQ(decoder.next_chunk(), 2u);
  ServeChunks(chunks());
  EXPECT_TRUE(Pull(&decoder).ok());
  EXPECT_EQ(request_.first_chunk(), 2u);
  EXPECT_TRUE(decoder.complete());
}

TEST_F(TransferTest, AStreamThatEndsEarlyWithoutAnErrorIsUnavailable) {
  ServeChunks(3);
  StateDecoder decoder(Manifest::Of(model_));
  const absl::Status status = Pull(&decoder);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("before chunk 3"));
}

TEST_F(TransferTest, AChunkThatTheDecoderRefusesEndsThePull) {
  service_.pull = [this](auto*, const auto&, auto* writer) {
    for (size_t i = 0; i < chunks(); ++i) {
      v1::Chunk chunk;
      EXPECT_TRUE(chunk.ParseFromString(std::string(encoded_->chunks()[i])));
      if (i == 2) (*chunk.mutable_slices(0)->mutable_payload())[0] ^= 1;
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  };
  StateDecoder decoder(Manifest::Of(model_));
  EXPECT_EQ(Pull(&decoder).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(decoder.next_chunk(), 2u);
}

TEST_F(TransferTest, APullThatTakesTooLongEndsByItsLimit) {
  service_.pull = [](grpc::ServerContext* context, const auto&, auto*) {
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  };
  StateDecoder decoder(Manifest::Of(model_));
  EXPECT_EQ(Pull(&decoder, 0, absl::Milliseconds(20)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(TransferTest, CancellingTheTaskEndsItsPull) {
  absl::Notification begun;
  service_.pull = [&](grpc::ServerContext* context, const auto&, auto*) {
    begun.Notify();
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  };
  std::thread canceller([&] {
    EXPECT_TRUE(begun.WaitForNotificationWithTimeout(kLimit));
    gate_.Cancel(&token_, "enough");
  });
  StateDecoder decoder(Manifest::Of(model_));
  EXPECT_EQ(Pull(&decoder).code(), absl::StatusCode::kCancelled);
  canceller.join();
}

TEST_F(TransferTest, ATaskThatIsCancelledMakesNoCall) {
  gate_.Cancel(&token_, "before");
  StateDecoder decoder(Manifest::Of(model_));
  EXPECT_EQ(Pull(&decoder).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(transfer().Ask(terms_, update_, kLimit).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(transfer().Push(terms_, update_, 0, kLimit).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(TransferTest, AskingTellsOfWhichUpdateAndHowLargeItIs) {
  v1::UpdateQuery asked;
  service_.ask = [&](const v1::UpdateQuery& query, v1::UpdateState* state) {
    asked = query;
    state->set_state(v1::UpdateState::STATE_WANTED);
    state->set_next_chunk(2);
    return grpc::Status::OK;
  };
  const auto state = transfer().Ask(terms_, update_, kLimit);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->next_chunk(), 2u);
  EXPECT_EQ(asked.session(), "session");
  EXPECT_EQ(asked.round(), 4u);
  EXPECT_EQ(asked.bytes(), encoded_->bytes());
  EXPECT_EQ(token_.call, nullptr) << "the call is over";
}

TEST_F(TransferTest, AnAnswerThatIsAnErrorIsGivenOn) {
  service_.ask = [](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "unknown session");
  };
  EXPECT_EQ(transfer().Ask(terms_, update_, kLimit).status(),
            absl::UnauthenticatedError("unknown session"));
}

TEST_F(TransferTest, APushTellsAllOfTheUpdateBeforeItsChunks) {
  v1::PushHeader header;
  uint32_t first = 0, count = 0;
  service_.push = [&](auto*, auto* reader, v1::UpdateState* state) {
    v1::PushMessage message;
    EXPECT_TRUE(reader->Read(&message));
    header = message.header();
    while (reader->Read(&message)) {
      if (count++ == 0) first = message.chunk().index();
    }
    state->set_state(v1::UpdateState::STATE_ACCEPTED);
    return grpc::Status::OK;
  };
  const auto state = transfer().Push(terms_, update_, 1, kLimit);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->state(), v1::UpdateState::STATE_ACCEPTED);
  EXPECT_EQ(header.session(), "session");
  EXPECT_EQ(header.round(), 4u);
  EXPECT_EQ(header.first_chunk(), 1u);
  EXPECT_EQ(header.chunks(), chunks());
  EXPECT_EQ(header.samples(), 99u);
  EXPECT_EQ(header.report().steps(), 12u);
  EXPECT_EQ(header.bytes(), encoded_->bytes());
  EXPECT_EQ(first, 1u);
  EXPECT_EQ(count, chunks() - 1);
}

}  // namespace
}  // namespace tributary
