#include "server/round/live_round.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

constexpr auto kWanted = v1::UpdateState::STATE_WANTED;
constexpr auto kAccepted = v1::UpdateState::STATE_ACCEPTED;
constexpr auto kRefused = v1::UpdateState::STATE_REFUSED;
constexpr auto kLate = v1::UpdateState::STATE_LATE;

StateDict Delta(float value) {
  StateDict delta;
  Tensor tensor = Tensor::Zeros({60, 100});
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    tensor.values[i] = value * static_cast<float>(1 + (i * 2654435761U) % 1009) / 1009;
  }
  EXPECT_TRUE(delta.Add("w", std::move(tensor)).ok());
  return delta;
}

class LiveRoundTest : public testing::Test {
 protected:
  LiveRoundTest() {
    LiveRound::Setup setup;
    setup.round = 4;
    setup.deadline = absl::InfiniteFuture();
    setup.cohort = {{"a", "words", Modality::kText, 10}, {"b", "words", Modality::kText, 30}};
    globals_["words"] = Delta(1);
    setup.downloads["words"] = EncodedState::Encode(globals_["words"], Codec::kF32, 1 << 12, 1);
    setup.aggregator = std::make_unique<Aggregator>(
        std::vector<Target>{{"words", Modality::kText, Manifest::Of(globals_["words"])}},
        setup.cohort, AggregationConfig());
    setup.spool_folder = scratch_.path();
    setup.spool_budget = 1 << 20;
    round_ = std::make_unique<LiveRound>(std::move(setup), [this] { ++wakes_; });
  }

  static std::shared_ptr<const EncodedState> Encode(float value) {
    return EncodedState::Encode(Delta(value), Codec::kF32, 1 << 12, 1);
  }

  v1::PushHeader Header(const EncodedState& encoded, size_t first = 0) {
    v1::PushHeader header;
    header.set_first_chunk(static_cast<uint32_t>(first));
    header.set_chunks(static_cast<uint32_t>(encoded.chunks().size()));
    return header;
  }

  // Sends chunks [first, end) and, if that is all, finishes.
  v1::UpdateState Push(const std::string& client, const EncodedState& encoded, size_t first = 0,
                       size_t end = ~size_t{0}) {
    int ticket = -1;
    const v1::UpdateState state = round_->BeginPush(client, Header(encoded, first), &ticket);
    if (state.state() != kWanted || ticket < 0) return state;
    for (size_t i = first; i < std::min(end, encoded.chunks().size()); ++i) {
      EXPECT_TRUE(round_->AppendChunk(client, ticket, encoded.chunks()[i]).ok());
    }
    AcceptedUpdate accepted;
    return round_->FinishPush(client, ticket, &accepted);
  }

  std::map<std::string, StateDict> globals_;
  const ScratchFolder scratch_;
  std::unique_ptr<LiveRound> round_;
  int wakes_ = 0;
};

TEST_F(LiveRoundTest, AnUpdateIsAcceptedOnceHoweverOftenItIsPushed) {
  const auto encoded = Encode(0.5F);
  EXPECT_EQ(round_->Ask("a").state(), kWanted);
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(round_->Accepted().size(), 1u);
  EXPECT_EQ(round_->State().cohort[0].state, TaskState::kReported);
  EXPECT_GT(wakes_, 0);
}

TEST_F(LiveRoundTest, ACutTransferResumesAtTheNextChunk) {
  const auto encoded = Encode(0.5F);
  ASSERT_GE(encoded->chunks().size(), 3u);
  const v1::UpdateState cut = Push("a", *encoded, 0, 2);
  EXPECT_EQ(cut.state(), kWanted);
  EXPECT_EQ(cut.next_chunk(), 2u);
  EXPECT_EQ(Push("a", *encoded, 1).state(), kWanted) << "resuming elsewhere is told where to go on";
  EXPECT_EQ(Push("a", *encoded, 2).state(), kAccepted);
}

TEST_F(LiveRoundTest, ANewStreamTakesOverFromAnOlderOne) {
  const auto encoded = Encode(0.5F);
  int old_ticket = -1, new_ticket = -1;
  round_->BeginPush("a", Header(*encoded), &old_ticket);
  round_->BeginPush("a", Header(*encoded), &new_ticket);
  EXPECT_EQ(round_->AppendChunk("a", old_ticket, encoded->chunks()[0]).code(),
            absl::StatusCode::kAborted);
  EXPECT_TRUE(round_->AppendChunk("a", new_ticket, encoded->chunks()[0]).ok());
}

TEST_F(LiveRoundTest, MoreChunksThanAnnouncedAreRefused) {
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.set_chunks(1);
  int ticket = -1;
  round_->BeginPush("a", header, &ticket);
  ASSERT_TRUE(round_->AppendChunk("a", ticket, encoded->chunks()[0]).ok());
  EXPECT_EQ(round_->AppendChunk("a", ticket, encoded->chunks()[1]).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(LiveRoundTest, MoreThanTheManifestAllowsIsRefused) {
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.set_chunks(1'000'000);
  int ticket = -1;
  EXPECT_EQ(round_->BeginPush("a", header, &ticket).state(), kRefused);
  header.set_chunks(60);
  round_->BeginPush("b", header, &ticket);
  absl::Status status;
  for (int i = 0; i < 60 && status.ok(); ++i) {
    status = round_->AppendChunk("b", ticket, std::string(4096, 'x'));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("manifest allows"), std::string::npos) << status;
}

TEST_F(LiveRoundTest, ABadUpdateClosesItsClientAndNothingElse) {
  StateDict bad = Delta(1);
  bad[0].tensor.values[7] = std::numeric_limits<float>::infinity();
  const auto encoded = EncodedState::Encode(bad, Codec::kF32, 1 << 12, 1);
  const v1::UpdateState state = Push("a", *encoded);
  EXPECT_EQ(state.state(), kRefused);
  EXPECT_NE(state.message().find("tensor w"), std::string::npos) << state.message();
  EXPECT_EQ(Push("a", *Encode(0.5F)).state(), kRefused);
  EXPECT_EQ(Push("b", *Encode(0.5F)).state(), kAccepted);
  EXPECT_EQ(round_->State().cohort[0].state, TaskState::kFailed);
}

TEST_F(LiveRoundTest, AfterTheCloseUpdatesAreLate) {
  round_->Close();
  EXPECT_EQ(Push("a", *Encode(0.5F)).state(), kLate);
  EXPECT_FALSE(round_->Wants("a"));
}

TEST_F(LiveRoundTest, StrangersAreLateAndGetNoModel) {
  EXPECT_EQ(round_->Ask("c").state(), kLate);
  EXPECT_EQ(round_->Download("c").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(round_->Download("a").ok());
}

TEST_F(LiveRoundTest, ALostClientIsOfferedItsTaskAgain) {
  EXPECT_EQ(round_->Unacknowledged().size(), 2u);
  round_->Accept("a");
  EXPECT_EQ(round_->Unacknowledged(), std::vector<std::string>{"b"});
  round_->Lost("a");
  EXPECT_EQ(round_->Unacknowledged().size(), 2u);
  EXPECT_EQ(Push("a", *Encode(0.5F)).state(), kAccepted);
  round_->Lost("a");
  EXPECT_EQ(round_->Unacknowledged(), std::vector<std::string>{"b"})
      << "a reported client owes nothing";
}

TEST_F(LiveRoundTest, MergesWhatWasAccepted) {
  ASSERT_EQ(Push("a", *Encode(0.5F)).state(), kAccepted);
  round_->Close();
  const auto merged = round_->Merge(globals_);
  ASSERT_TRUE(merged.ok()) << merged.status();
  const float before = globals_["words"][0].tensor.values[9];
  EXPECT_NEAR(merged->at("words")[0].tensor.values[9], before * 1.5F, 1e-6);
}

}  // namespace
}  // namespace tributary
