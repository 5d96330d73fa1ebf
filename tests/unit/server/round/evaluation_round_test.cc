#include "server/round/evaluation_round.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "common/rpc/counts_proto.h"
#include "common/tensor/state_dict.h"
#include "server/round/events.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kAccepted = v1::UpdateState::STATE_ACCEPTED;
constexpr auto kRefused = v1::UpdateState::STATE_REFUSED;
constexpr auto kLate = v1::UpdateState::STATE_LATE;

std::shared_ptr<const EncodedState> Model() {
  StateDict state;
  Tensor tensor = Tensor::Zeros({50, 100});
  tensor.values[7] = 1;
  EXPECT_TRUE(state.Add("w", std::move(tensor)).ok());
  return EncodedState::Encode(state, Codec::kF32, 1 << 12, 1);
}

// Counts of a model with two classes: `right` of `samples` are right.
v1::EvaluationReport Report(int64_t samples, int64_t right) {
  ClassCounts counts{.classes = 2, .right = right, .loss_sum = 0.5};
  counts.confusion = {right, samples - right, 0, 0};
  counts.positives.assign(2 * kScoreBins, 0);
  counts.negatives.assign(2 * kScoreBins, 0);
  counts.positives[0] = counts.negatives[static_cast<size_t>(kScoreBins)] = samples;
  counts.auroc = {std::nan(""), std::nan("")};
  v1::EvaluationReport report;
  *report.mutable_counts() =
      CountsToProto({.samples = samples, .classification = std::move(counts)});
  return report;
}

class EvaluationRoundTest : public testing::Test {
 protected:
  EvaluationRoundTest() {
    EvaluationOptions options;
    options.round = 4;
    options.attempt = 1;
    options.deadline = clock_.Now() + absl::Minutes(1);
    options.members = {{"a", "scans", 2, 10}, {"b", "scans", 2, 5}};
    options.downloads["scans"].whole = Model();
    options.events = &events_;
    log_->Subscribe(0, [this](const RunEvent& event) { last_ = event; });
    round_ = std::make_unique<EvaluationRound>(std::move(options), [this] { ++wakes_; });
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  std::unique_ptr<EventLog> log_ = *EventLog::Open("", &clock_);
  RunEvents events_{log_.get()};
  RunEvent last_;
  int wakes_ = 0;
  std::unique_ptr<EvaluationRound> round_;
};

TEST_F(EvaluationRoundTest, AClientIsAskedUntilItHasTakenItsTaskAndAgainAfterALoss) {
  EXPECT_THAT(round_->Unacknowledged(), ElementsAre("a", "b"));
  round_->Accept("a");
  round_->Accept("stranger");
  EXPECT_THAT(round_->Unacknowledged(), ElementsAre("b"));
  EXPECT_THAT(round_->Open(), ElementsAre("a", "b"));
  round_->Lost("a");
  EXPECT_THAT(round_->Unacknowledged(), ElementsAre("a", "b"));
  EXPECT_TRUE(round_->Wants("a"));
  EXPECT_FALSE(round_->Wants("stranger"));
}

TEST_F(EvaluationRoundTest, ReportsAreKeptByDatasetAndClient) {
  EXPECT_EQ(round_->Report("a", Report(10, 7)).state(), kAccepted);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(round_->Report("a", Report(10, 2)).state(), kAccepted)
      << "said twice: the first counts";
  EXPECT_THAT(round_->Open(), ElementsAre("b"));
  round_->Lost("a");
  EXPECT_FALSE(round_->Wants("a")) << "it has answered";
  const auto counts = round_->Close();
  ASSERT_EQ(counts.size(), 1u);
  ASSERT_EQ(counts.at("scans").size(), 1u);
  EXPECT_EQ(counts.at("scans").at("a").classification->right, 7);
}

TEST_F(EvaluationRoundTest, CountsThatCannotBeAreRefusedForGoodAndTold) {
  v1::EvaluationReport report = Report(10, 7);
  report.mutable_counts()->mutable_classification()->set_right(11);
  const v1::UpdateState refused = round_->Report("a", report);
  EXPECT_EQ(refused.state(), kRefused);
  EXPECT_THAT(refused.message(), HasSubstr("client a"));
  EXPECT_EQ(last_.kind, "evaluation_failed");
  EXPECT_EQ(last_.data["client"], "a");
  EXPECT_EQ(round_->Report("a", Report(10, 7)).state(), kLate);
  EXPECT_EQ(round_->Report("b", Report(6, 1)).state(), kRefused) << "its test part has 5 samples";
  EXPECT_THAT(last_.message, HasSubstr("of 6 samples, expected the 5"));
  EXPECT_THAT(round_->Close(), IsEmpty());
}

TEST_F(EvaluationRoundTest, AClientMayGiveUp) {
  round_->Fail("b", "out of memory");
  EXPECT_EQ(last_.kind, "evaluation_failed");
  EXPECT_THAT(last_.message, HasSubstr("out of memory"));
  EXPECT_THAT(round_->Open(), ElementsAre("a"));
  EXPECT_EQ(wakes_, 1);
  round_->Fail("b", "again");
  EXPECT_EQ(wakes_, 1);
}

TEST_F(EvaluationRoundTest, ModelsAreForThoseWhoAreAskedUntilItIsOver) {
  EXPECT_TRUE(round_->Download("a", 0, 0).ok());
  EXPECT_EQ(round_->Download("stranger", 0, 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(round_->Download("a", 0, 1000).status().code(), absl::StatusCode::kOutOfRange);
  round_->CountDown(30);
  EXPECT_EQ(round_->bytes_down(), 30u);
  round_->Close();
  EXPECT_EQ(round_->Download("a", 0, 0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(round_->Report("a", Report(10, 7)).state(), kLate);
  EXPECT_FALSE(round_->Wants("a"));
}

}  // namespace
}  // namespace tributary
