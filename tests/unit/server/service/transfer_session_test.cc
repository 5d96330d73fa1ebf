#include "server/service/transfer_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/registry/fake_link.h"
#include "tests/unit/server/round/tiny_round.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr auto kWanted = v1::UpdateState::STATE_WANTED;
constexpr auto kAccepted = v1::UpdateState::STATE_ACCEPTED;
constexpr auto kRefused = v1::UpdateState::STATE_REFUSED;
constexpr auto kLate = v1::UpdateState::STATE_LATE;

// Clients a and b are linked, and round 4 is under way.
class TransferSessionTest : public testing::Test {
 protected:
  TransferSessionTest() {
    for (const std::string name : {"a", "b"}) {
      v1::Join join;
      join.set_client(name);
      sessions_[name] = *registry_.Attach(join, Modality::kText, std::make_shared<FakeLink>());
    }
    active_.Set(live_);
  }

  v1::PushHeader Header(const std::string& client) const {
    v1::PushHeader header;
    header.set_session(sessions_.at(client));
    header.set_round(4);
    header.set_chunks(static_cast<uint32_t>(encoded_->chunks().size()));
    header.set_bytes(encoded_->bytes());
    return header;
  }
  v1::PullRequest Pull(const std::string& client, uint32_t first_chunk = 0) const {
    v1::PullRequest pull;
    pull.set_session(sessions_.at(client));
    pull.set_round(4);
    pull.set_first_chunk(first_chunk);
    return pull;
  }
  // What a question of `client` is answered; nothing yet: it waits.
  std::optional<TransferEnd> Ask(const std::string& session, uint32_t round = 4,
                                 uint64_t bytes = 0) {
    v1::UpdateQuery query;
    query.set_session(session);
    query.set_round(round);
    query.set_bytes(bytes);
    answer_.reset();
    AnswerQuery(deps_, query, [this](TransferEnd end) { answer_ = std::move(end); });
    return answer_;
  }

  TinyRound tiny_;
  const std::shared_ptr<const EncodedState> encoded_ = TinyRound::Encoded();
  // Memory for one upload at a time.
  const std::shared_ptr<LiveRound> live_ =
      tiny_.Open(4, 0, static_cast<int64_t>(encoded_->bytes()));
  ActiveRound active_;
  ClientRegistry registry_{absl::Seconds(5), &tiny_.clock()};
  std::map<std::string, std::string> sessions_;
  const ServiceDependencies deps_{.context = nullptr,
                                  .registry = &registry_,
                                  .coordinator = nullptr,
                                  .active = &active_,
                                  .events = nullptr};
  std::optional<TransferEnd> answer_;
};

TEST_F(TransferSessionTest, AnUnknownSessionIsNotAuthenticated) {
  v1::PullRequest pull = Pull("a");
  pull.set_session("guess");
  EXPECT_EQ(PullSession::Open(deps_, pull).status().code(), absl::StatusCode::kUnauthenticated);
  v1::PushHeader header = Header("a");
  header.set_session("guess");
  PushSession push(deps_);
  const auto end = push.Begin(header, [] { FAIL() << "it was read"; });
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_FALSE(push.begun());
  EXPECT_EQ(Ask("guess")->status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(TransferSessionTest, WhatComesForARoundThatIsOverIsLateAndNoError) {
  v1::PullRequest pull = Pull("a");
  pull.set_round(3);
  const absl::Status pulled = PullSession::Open(deps_, pull).status();
  EXPECT_EQ(pulled.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(pulled.message()),
              HasSubstr("client a: round 3 is not under way; round 4 is"));
  v1::PushHeader header = Header("a");
  header.set_round(3);
  PushSession push(deps_);
  const auto end = push.Begin(header, [] { FAIL() << "it was read"; });
  ASSERT_TRUE(end.has_value() && end->ok());
  EXPECT_EQ((*end)->state(), kLate);
  EXPECT_EQ((*Ask(sessions_["a"], 3))->state(), kLate);
  EXPECT_THAT((*Ask(sessions_["a"], 3))->message(), HasSubstr("round 3"));
}

TEST_F(TransferSessionTest, APullGivesTheModelFromTheChunkOnThatItAsksFor) {
  auto pull = PullSession::Open(deps_, Pull("a", 1));
  ASSERT_TRUE(pull.ok()) << pull.status();
  uint64_t bytes = 0;
  for (size_t i = 1; i < encoded_->chunks().size(); ++i) {
    const absl::Cord* chunk = pull->Next();
    ASSERT_NE(chunk, nullptr);
    EXPECT_TRUE(*chunk == encoded_->chunks()[i]) << i;
    bytes += chunk->size();
    EXPECT_EQ(live_->bytes_down(), bytes);
  }
  EXPECT_EQ(pull->Next(), nullptr);
  EXPECT_EQ(PullSession::Open(deps_, Pull("a", 99)).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(TransferSessionTest, APushGoesFromItsHeaderToItsAnswer) {
  PushSession push(deps_);
  int reads = 0;
  EXPECT_FALSE(push.Begin(Header("a"), [&] { ++reads; }).has_value());
  EXPECT_EQ(reads, 1);
  EXPECT_TRUE(push.begun());
  for (const absl::Cord& chunk : encoded_->chunks()) {
    EXPECT_FALSE(push.Append(std::string(chunk)).has_value());
  }
  push.Received();
  const TransferEnd end = push.Finish();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->state(), kAccepted);
  EXPECT_EQ(live_->bytes_up(), encoded_->bytes());
  PushSession again(deps_);
  const auto held = again.Begin(Header("a"), [] { FAIL() << "it was read"; });
  ASSERT_TRUE(held.has_value() && held->ok());
  EXPECT_EQ((*held)->state(), kAccepted);
}

TEST_F(TransferSessionTest, ARefusalIsAnAnswerAndATakeoverAnError) {
  PushSession push(deps_), newer(deps_);
  EXPECT_FALSE(push.Begin(Header("a"), [] {}).has_value());
  EXPECT_FALSE(newer.Begin(Header("a"), [] {}).has_value());
  const auto taken_over = push.Append(std::string(encoded_->chunks()[0]));
  ASSERT_TRUE(taken_over.has_value());
  EXPECT_EQ(taken_over->status().code(), absl::StatusCode::kAborted);
  const auto refused = newer.Append("rubbish");
  ASSERT_TRUE(refused.has_value() && refused->ok());
  EXPECT_EQ((*refused)->state(), kRefused);
}

TEST_F(TransferSessionTest, APushAndAQuestionWaitForTheirTurn) {
  PushSession first(deps_), second(deps_);
  int first_reads = 0, second_reads = 0;
  EXPECT_FALSE(first.Begin(Header("a"), [&] { ++first_reads; }).has_value());
  EXPECT_FALSE(Ask(sessions_["b"], 4, encoded_->bytes()).has_value());
  EXPECT_FALSE(second.Begin(Header("b"), [&] { ++second_reads; }).has_value());
  EXPECT_EQ(first_reads, 1);
  EXPECT_EQ(second_reads, 0);
  ASSERT_TRUE(answer_.has_value() && answer_->ok()) << "the push takes the question's place";
  EXPECT_EQ((*answer_)->state(), kWanted);
  for (const absl::Cord& chunk : encoded_->chunks()) {
    EXPECT_FALSE(first.Append(std::string(chunk)).has_value());
  }
  EXPECT_EQ(first.Finish()->state(), kAccepted);
  EXPECT_EQ(second_reads, 1);
}

TEST_F(TransferSessionTest, ABrokenStreamIsAnsweredWithWhereItGoesOn) {
  PushSession push(deps_);
  EXPECT_FALSE(push.Begin(Header("a"), [] {}).has_value());
  EXPECT_FALSE(push.Append(std::string(encoded_->chunks()[0])).has_value());
  push.Received();
  const TransferEnd end = push.Finish();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->state(), kWanted);
  EXPECT_EQ(end->next_chunk(), 1u);
}

}  // namespace
}  // namespace tributary
