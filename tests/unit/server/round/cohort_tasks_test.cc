#include "server/round/cohort_tasks.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/codec/encoded_state.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kWanted = v1::UpdateState::STATE_WANTED;
constexpr auto kAccepted = v1::UpdateState::STATE_ACCEPTED;
constexpr auto kRefused = v1::UpdateState::STATE_REFUSED;
constexpr auto kLate = v1::UpdateState::STATE_LATE;
const absl::Time kNow = absl::FromUnixSeconds(1000);

// Two clients, whose updates are some chunks.
class CohortTasksTest : public testing::Test {
 protected:
  CohortTasksTest() {
    StateDict delta;
    Tensor tensor = Tensor::Zeros({6, 1000});
    for (size_t i = 0; i < tensor.values.size(); ++i) {  // hardly to be compressed
      tensor.values[i] = static_cast<float>((i * 2654435761U) % 1009) / 1009;
    }
    EXPECT_TRUE(delta.Add("w", std::move(tensor)).ok());
    manifest_ = Manifest::Of(delta);
    encoded_ = EncodedState::Encode(delta, Codec::kF32, 4500, 1);
    const UploadBounds bounds = BoundsOf(manifest_);
    tasks_ = std::make_unique<CohortTasks>(
        4,
        std::vector<CohortMember>{{"a", "words", Modality::kText, 10},
                                  {"b", "words", Modality::kText, 30}},
        std::vector<UploadBounds>{bounds, bounds},
        [this](const CohortMember& member, uint64_t most_bytes) {
          ++uploads_made_;
          return std::make_shared<Upload>(
              &manifest_, 1, most_bytes,
              std::make_unique<Spool>(scratch_ / member.client, &budget_));
        },
        [this](const CohortMember& member, const v1::TrainingReport& report) {
          if (!wanted_steps_.has_value() || report.steps() == *wanted_steps_) {
            return absl::OkStatus();
          }
          return absl::InvalidArgumentError(
              absl::StrCat("of ", member.samples, " samples reports ", report.steps(), " steps"));
        });
  }

  v1::PushHeader Header(uint32_t first = 0) const {
    v1::PushHeader header;
    header.set_first_chunk(first);
    header.set_chunks(Chunks());
    header.set_bytes(encoded_->bytes());
    return header;
  }
  uint32_t Chunks() const { return static_cast<uint32_t>(encoded_->chunks().size()); }
  int Begin(const std::string& client, uint32_t first = 0) {
    return tasks_->Begin(client, Header(first), kNow).ticket;
  }
  // Appends chunks [first, end).
  void Append(const std::string& client, int ticket, uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; ++i) {
      const auto upload = tasks_->Continue(client, ticket);
      ASSERT_TRUE(upload.ok()) << upload.status();
      ASSERT_TRUE((*upload)->Append(ticket, std::string(encoded_->chunks()[i])).ok());
    }
  }
  void Report(const std::string& client) {
    const int ticket = Begin(client);
    Append(client, ticket, 0, Chunks());
    ASSERT_NE(tasks_->TakeComplete(client, ticket), nullptr);
    tasks_->Added(client, ticket, absl::OkStatus(), encoded_->bytes());
  }
  TaskState StateOf(const std::string& client) const { return tasks_->Find(client)->state; }
  v1::UpdateState::State Answer(const std::string& client) const {
    return tasks_->Answer(client).state();
  }

  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 20};
  Manifest manifest_;
  std::shared_ptr<const EncodedState> encoded_;
  int uploads_made_ = 0;
  std::optional<uint32_t> wanted_steps_;  // in reports; nothing: any
  std::unique_ptr<CohortTasks> tasks_;
};

TEST_F(CohortTasksTest, ATaskIsOfferedUntilItIsAcknowledgedAndAgainAfterALoss) {
  EXPECT_THAT(tasks_->Unacknowledged(), ElementsAre("a", "b"));
  tasks_->Accept("a");
  tasks_->Accept("stranger");
  EXPECT_EQ(StateOf("a"), TaskState::kAccepted);
  EXPECT_THAT(tasks_->Unacknowledged(), ElementsAre("b"));
  EXPECT_FALSE(tasks_->Lose("a")) << "it had reserved nothing";
  EXPECT_FALSE(tasks_->Lose("stranger"));
  EXPECT_EQ(StateOf("a"), TaskState::kOffered);
  EXPECT_THAT(tasks_->Unacknowledged(), ElementsAre("a", "b"));
}

TEST_F(CohortTasksTest, AnUpdateWhoseReportIsNotTakenIsRefusedBeforeAnyOfItHasCome) {
  wanted_steps_ = 7;
  v1::PushHeader header = Header();
  header.mutable_report()->set_steps(6);
  const CohortTasks::Start refused = tasks_->Begin("b", header, kNow);
  EXPECT_LT(refused.ticket, 0);
  EXPECT_EQ(refused.state.state(), kRefused);
  EXPECT_EQ(refused.state.message(), "client b of 30 samples reports 6 steps");
  EXPECT_EQ(StateOf("b"), TaskState::kFailed);
  EXPECT_EQ(uploads_made_, 0);
  header.mutable_report()->set_steps(7);
  EXPECT_GE(tasks_->Begin("a", header, kNow).ticket, 0);
}

TEST_F(CohortTasksTest, APushGoesFromItsHeaderToTheRecord) {
  ASSERT_GE(Chunks(), 3u);
  v1::PushHeader header = Header();
  header.mutable_report()->set_loss(0.5);
  header.mutable_report()->set_steps(7);
  const int ticket = tasks_->Begin("b", header, kNow).ticket;
  ASSERT_GE(ticket, 0);
  EXPECT_EQ(StateOf("b"), TaskState::kPushing);
  EXPECT_EQ(tasks_->Find("b")->push_began, kNow);
  EXPECT_THAT(tasks_->Unacknowledged(), ElementsAre("a")) << "a push acknowledges the task";
  Append("b", ticket, 0, Chunks());
  const std::shared_ptr<Upload> upload = tasks_->TakeComplete("b", ticket);
  ASSERT_NE(upload, nullptr);
  EXPECT_EQ(tasks_->adding(), 1);
  EXPECT_EQ(tasks_->Answer("b").next_chunk(), Chunks()) << "a repeated push must not begin anew";
  EXPECT_LT(tasks_->Begin("b", header, kNow).ticket, 0);
  tasks_->Added("b", ticket, absl::OkStatus(), upload->bytes());
  EXPECT_EQ(tasks_->adding(), 0);
  EXPECT_EQ(Answer("b"), kAccepted);
  const auto updates = tasks_->Updates();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates.at("b").dataset, "words");
  EXPECT_EQ(updates.at("b").samples, 30u);
  EXPECT_EQ(updates.at("b").bytes, encoded_->bytes());
  EXPECT_EQ(updates.at("b").loss, 0.5);
  EXPECT_EQ(updates.at("b").steps, 7u);
}

TEST_F(CohortTasksTest, AStreamThatBreaksOffIsGoneOnWithWhereItBroke) {
  const int first = Begin("a");
  Append("a", first, 0, 2);
  EXPECT_EQ(tasks_->TakeComplete("a", first), nullptr);
  EXPECT_EQ(StateOf("a"), TaskState::kAccepted);
  const CohortTasks::Start elsewhere = tasks_->Begin("a", Header(1), kNow);
  EXPECT_LT(elsewhere.ticket, 0);
  EXPECT_EQ(elsewhere.state.state(), kWanted);
  EXPECT_EQ(elsewhere.state.next_chunk(), 2u);
  const int second = Begin("a", 2);
  EXPECT_GT(second, first);
  EXPECT_EQ(tasks_->Continue("a", first).status().code(), absl::StatusCode::kAborted);
  Append("a", second, 2, Chunks());
  EXPECT_EQ(tasks_->Continue("a", second).status().code(), absl::StatusCode::kInvalidArgument)
      << "more than it has announced";
  EXPECT_EQ(tasks_->TakeComplete("a", first), nullptr);
  EXPECT_NE(tasks_->TakeComplete("a", second), nullptr);
}

TEST_F(CohortTasksTest, APushFromTheStartDropsWhatHadCome) {
  Append("a", Begin("a"), 0, 2);
  const int ticket = Begin("a");
  EXPECT_EQ(uploads_made_, 2);
  EXPECT_EQ((*tasks_->Continue("a", ticket))->chunks(), 0u);
}

TEST_F(CohortTasksTest, AHeaderOutOfBoundsIsRefusedForGood) {
  const UploadBounds bounds = BoundsOf(manifest_);
  const auto refused = [&](const std::string& client, const v1::PushHeader& header) {
    const CohortTasks::Start start = tasks_->Begin(client, header, kNow);
    EXPECT_LT(start.ticket, 0);
    return start.state.state() == kRefused;
  };
  v1::PushHeader header = Header();
  header.set_chunks(static_cast<uint32_t>(bounds.chunks));
  header.set_bytes(bounds.bytes);
  EXPECT_GE(tasks_->Begin("a", header, kNow).ticket, 0) << "the most there may be";
  header.set_bytes(bounds.bytes + 1);
  EXPECT_TRUE(refused("a", header));
  EXPECT_TRUE(refused("a", Header())) << "however well-behaved it is later";
  EXPECT_EQ(StateOf("a"), TaskState::kFailed);
  header = Header();
  header.set_chunks(0);
  EXPECT_TRUE(refused("b", header));
  EXPECT_THAT(tasks_->Answer("b").message(), HasSubstr("announces 0 chunks"));
}

TEST_F(CohortTasksTest, AnUpdateOfOtherDataThanTheClientAttendedWithIsRefused) {
  v1::PushHeader header = Header();
  header.set_samples(10);
  EXPECT_GE(tasks_->Begin("a", header, kNow).ticket, 0);
  EXPECT_LT(tasks_->Begin("b", header, kNow).ticket, 0);
  EXPECT_EQ(Answer("b"), kRefused);
  EXPECT_THAT(tasks_->Answer("b").message(), HasSubstr("an update of 10 samples, expected the 30"));
}

TEST_F(CohortTasksTest, ARejectedChunkRefusesOrBeginsAnewByWhoseFaultItWas) {
  const auto upload_of = [&](const std::string& client, int ticket) {
    return *tasks_->Continue(client, ticket);
  };
  const int a = Begin("a");
  EXPECT_FALSE(tasks_->Reject("a", upload_of("a", a), absl::ResourceExhaustedError("disk")));
  EXPECT_FALSE(tasks_->Reject("a", upload_of("a", a), absl::AbortedError("taken over")));
  EXPECT_TRUE(tasks_->Continue("a", a).ok()) << "as if nothing had happened";
  const std::shared_ptr<Upload> given_up = upload_of("a", a);
  EXPECT_TRUE(tasks_->Reject("a", given_up, absl::FailedPreconditionError("another making")));
  EXPECT_EQ(Answer("a"), kWanted);
  EXPECT_EQ(tasks_->Answer("a").next_chunk(), 0u);
  EXPECT_FALSE(tasks_->Reject("a", given_up, absl::DataLossError("late news")));
  EXPECT_EQ(Answer("a"), kWanted);
  const int b = Begin("b");
  EXPECT_TRUE(tasks_->Reject("b", upload_of("b", b), absl::DataLossError("bad checksum")));
  EXPECT_EQ(Answer("b"), kRefused);
  EXPECT_EQ(tasks_->Answer("b").message(), "bad checksum");
}

TEST_F(CohortTasksTest, AnUpdateThatOurDiskLostMayBePushedAgain) {
  const int ticket = Begin("a");
  Append("a", ticket, 0, Chunks());
  ASSERT_NE(tasks_->TakeComplete("a", ticket), nullptr);
  tasks_->Added("a", ticket, absl::InternalError("cannot read the spool"), 1);
  EXPECT_EQ(StateOf("a"), TaskState::kAccepted);
  EXPECT_EQ(Answer("a"), kWanted);
  EXPECT_TRUE(tasks_->Updates().empty());
  const int b = Begin("b");
  Append("b", b, 0, Chunks());
  ASSERT_NE(tasks_->TakeComplete("b", b), nullptr);
  tasks_->Added("b", b, absl::InvalidArgumentError("ends early"), 1);
  EXPECT_EQ(Answer("b"), kRefused);
}

TEST_F(CohortTasksTest, ATaskIsGivenUpOnceAndNotAfterItIsDone) {
  EXPECT_TRUE(tasks_->GiveUp("a"));
  EXPECT_EQ(Answer("a"), kLate);
  EXPECT_FALSE(tasks_->GiveUp("stranger"));
  Report("b");
  EXPECT_FALSE(tasks_->GiveUp("b"));
  EXPECT_EQ(Answer("b"), kAccepted);
}

TEST_F(CohortTasksTest, OnlyAnUploadFromTheStartIsPrepared) {
  EXPECT_EQ(tasks_->Prepare("stranger", 100), nullptr);
  EXPECT_EQ(tasks_->Prepare("a", 0), nullptr) << "it does not tell how much it has";
  const std::shared_ptr<Upload> prepared = tasks_->Prepare("a", encoded_->bytes());
  ASSERT_NE(prepared, nullptr);
  EXPECT_EQ(prepared->most_bytes(), encoded_->bytes());
  EXPECT_EQ(tasks_->Prepare("a", encoded_->bytes()), prepared) << "the same question again";
  EXPECT_EQ(tasks_->Prepare("a", ~uint64_t{0})->most_bytes(), BoundsOf(manifest_).bytes);
  ASSERT_EQ(uploads_made_, 2);
  Append("b", Begin("b"), 0, 1);
  EXPECT_EQ(tasks_->Prepare("b", encoded_->bytes()), nullptr) << "it is to be resumed";
}

TEST_F(CohortTasksTest, APreparedUploadIsTheOneThatIsPushed) {
  const std::shared_ptr<Upload> prepared = tasks_->Prepare("a", encoded_->bytes());
  EXPECT_EQ(*tasks_->Continue("a", Begin("a")), prepared);
  EXPECT_EQ(uploads_made_, 1);
}

TEST_F(CohortTasksTest, MemoryThatALostClientHasNotUsedIsForOthers) {
  ASSERT_TRUE(tasks_->Prepare("a", encoded_->bytes())->Reserve());
  EXPECT_EQ(tasks_->Load().bytes_to_come, encoded_->bytes());
  EXPECT_TRUE(tasks_->Lose("a"));
  EXPECT_EQ(tasks_->Load().bytes_to_come, 0u);
  const int ticket = Begin("b");
  ASSERT_TRUE((*tasks_->Continue("b", ticket))->Reserve());
  Append("b", ticket, 0, 1);
  EXPECT_FALSE(tasks_->Lose("b")) << "what it has brought stays";
  EXPECT_EQ(tasks_->Load().bytes_to_come, encoded_->bytes() - encoded_->chunks()[0].size());
}

TEST_F(CohortTasksTest, AClosedRoundHoldsWhatWasReportedAndTakesNoMore) {
  Report("a");
  const int b = Begin("b");
  tasks_->Close();
  EXPECT_EQ(Answer("a"), kAccepted);
  EXPECT_EQ(Answer("b"), kLate);
  EXPECT_EQ(tasks_->Continue("b", b).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(tasks_->TakeComplete("b", b), nullptr);
  EXPECT_LT(Begin("b"), 0);
  EXPECT_EQ(tasks_->Prepare("b", 100), nullptr);
  EXPECT_FALSE(tasks_->GiveUp("b"));
}

TEST_F(CohortTasksTest, StrangersAreLate) {
  EXPECT_EQ(tasks_->Find("c"), nullptr);
  EXPECT_EQ(Answer("c"), kLate);
  EXPECT_LT(Begin("c"), 0);
}

}  // namespace
}  // namespace tributary
