#include "server/round/live_round.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "common/tensor/safetensors.h"
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
    globals_["words"] = Delta(1);
    Open(1 << 20);
  }

  // A new round, with so much memory for uploads.
  void Open(int64_t spool_budget) {
    RoundOptions options;
    options.round = 4;
    options.deadline = absl::InfiniteFuture();
    options.cohort = cohort_;
    options.downloads["words"].whole =
        EncodedState::Encode(globals_["words"], Codec::kF32, 1 << 12, 1);
    options.downloads["words"].delta = EncodedState::Encode(
        EncodedState::SourcesOf(Delta(0.125F)), nullptr,
        {.codec = Codec::kF32,
         .version = {.version = options.downloads["words"].whole->version().version,
                     .base = kBase}});
    options.aggregator = std::make_unique<Aggregator>(
        std::vector<Target>{{"words", Modality::kText, Manifest::Of(globals_["words"])}},
        options.cohort, AggregationConfig());
    options.spool_folder = scratch_.path();
    options.spool_budget = std::make_shared<SpoolBudget>(spool_budget);
    options.clock = &clock_;
    options.events = &events_;
    round_ = std::make_unique<LiveRound>(std::move(options), [this] { ++wakes_; });
  }

  static std::shared_ptr<const EncodedState> Encode(float value) {
    return EncodedState::Encode(Delta(value), Codec::kF32, 1 << 12, 1);
  }

  v1::PushHeader Header(const EncodedState& encoded, size_t first = 0) {
    v1::PushHeader header;
    header.set_first_chunk(static_cast<uint32_t>(first));
    header.set_chunks(static_cast<uint32_t>(encoded.chunks().size()));
    header.set_bytes(encoded.bytes());
    return header;
  }

  // Begins an upload and waits for room; the ticket. `*begun` counts.
  int Await(const std::string& client, const EncodedState& encoded, int* begun, size_t first = 0) {
    const CohortTasks::Start start = round_->BeginPush(client, Header(encoded, first));
    EXPECT_EQ(start.state.state(), kWanted);
    EXPECT_GE(start.ticket, 0);
    round_->AwaitRoom(client, start.ticket, [begun] { ++*begun; });
    return start.ticket;
  }

  // Sends chunks [first, end) of an upload that has begun and, if that is all, finishes.
  v1::UpdateState Send(const std::string& client, int ticket, const EncodedState& encoded,
                       size_t first = 0, size_t end = ~size_t{0}) {
    for (size_t i = first; i < std::min(end, encoded.chunks().size()); ++i) {
      const absl::Status appended =
          round_->AppendChunk(client, ticket, std::string(encoded.chunks()[i]));
      if (!appended.ok()) return round_->Ask(client);
    }
    return round_->FinishPush(client, ticket);
  }

  v1::UpdateState Push(const std::string& client, const EncodedState& encoded, size_t first = 0,
                       size_t end = ~size_t{0}) {
    const CohortTasks::Start start = round_->BeginPush(client, Header(encoded, first));
    if (start.ticket < 0) return start.state;
    return Send(client, start.ticket, encoded, first, end);
  }

  // Closes the round; the hash of what it makes of the globals, which stay as they are.
  std::string MergedHash() {
    round_->Close();
    std::map<std::string, StateDict> merged = globals_;
    const absl::Status status = round_->aggregator()->FinishInto(&merged);
    EXPECT_TRUE(status.ok()) << status;
    return ModelHash(merged);
  }

  bool OnDisk(const std::string& client) const {
    return std::filesystem::exists(scratch_ / (client + ".spool"));
  }

  static constexpr uint64_t kBase = 77;
  std::vector<CohortMember> cohort_ = {{"a", "words", Modality::kText, 10},
                                       {"b", "words", Modality::kText, 30}};
  std::map<std::string, StateDict> globals_;
  SimulatedClock clock_{absl::UnixEpoch()};
  const ScratchFolder scratch_;
  std::unique_ptr<EventLog> log_ = *EventLog::Open("", &clock_);
  RunEvents events_{log_.get()};
  std::unique_ptr<LiveRound> round_;
  int wakes_ = 0;
};

TEST_F(LiveRoundTest, AnUpdateIsAcceptedOnceHoweverOftenItIsPushed) {
  const auto encoded = Encode(0.5F);
  EXPECT_EQ(round_->Ask("a").state(), kWanted);
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(round_->Updates().size(), 1u);
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
  const int old_ticket = round_->BeginPush("a", Header(*encoded)).ticket;
  const int new_ticket = round_->BeginPush("a", Header(*encoded)).ticket;
  EXPECT_EQ(round_->AppendChunk("a", old_ticket, std::string(encoded->chunks()[0])).code(),
            absl::StatusCode::kAborted);
  EXPECT_TRUE(round_->AppendChunk("a", new_ticket, std::string(encoded->chunks()[0])).ok());
}

TEST_F(LiveRoundTest, MoreChunksThanAnnouncedAreRefused) {
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.set_chunks(1);
  const int ticket = round_->BeginPush("a", header).ticket;
  ASSERT_TRUE(round_->AppendChunk("a", ticket, std::string(encoded->chunks()[0])).ok());
  EXPECT_EQ(round_->AppendChunk("a", ticket, std::string(encoded->chunks()[1])).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(LiveRoundTest, MoreThanTheManifestAllowsIsRefused) {
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.set_chunks(1'000'000);
  EXPECT_EQ(round_->BeginPush("a", header).state.state(), kRefused);
  header = Header(*encoded);
  header.clear_bytes();
  const int ticket = round_->BeginPush("b", header).ticket;
  // A field that nobody knows: readers skip it, yet it takes room.
  v1::Chunk chunk;
  ASSERT_TRUE(chunk.ParseFromString(std::string(encoded->chunks()[0])));
  chunk.GetReflection()->MutableUnknownFields(&chunk)->AddLengthDelimited(
      99, std::string(200'000, 'x'));
  const absl::Status status = round_->AppendChunk("b", ticket, chunk.SerializeAsString());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("manifest"), std::string::npos) << status;
  EXPECT_EQ(round_->Ask("b").state(), kRefused);
}

TEST_F(LiveRoundTest, MoreBytesThanAnnouncedOrAllowedAreRefused) {
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.set_bytes(1'000'000);
  EXPECT_EQ(round_->BeginPush("a", header).state.state(), kRefused);
  header.set_bytes(encoded->bytes() - 1);
  const CohortTasks::Start start = round_->BeginPush("b", header);
  EXPECT_EQ(start.state.state(), kWanted);
  EXPECT_EQ(Send("b", start.ticket, *encoded).state(), kRefused);
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
  EXPECT_EQ(round_->Download("c", 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(round_->Download("a", 0).ok());
}

TEST_F(LiveRoundTest, OnlyWhoHoldsTheirBaseGetsDifferences) {
  const auto whole = *round_->Download("a", 0);
  EXPECT_EQ(whole->version().base, 0u);
  const auto delta = *round_->Download("a", kBase);
  EXPECT_EQ(delta->version().base, kBase);
  EXPECT_EQ(delta->version().version, whole->version().version);
  EXPECT_EQ(*round_->Download("a", kBase + 1), whole);
  EXPECT_EQ(*round_->Download("b", whole->version().version), whole);
}

TEST_F(LiveRoundTest, AClosedRoundSendsNoModel) {
  round_->Close();
  EXPECT_EQ(round_->Download("a", 0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(round_->Download("a", kBase).status().code(), absl::StatusCode::kFailedPrecondition);
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
  const float before = globals_["words"][0].tensor.values[9];
  const absl::Status merged = round_->aggregator()->FinishInto(&globals_);
  ASSERT_TRUE(merged.ok()) << merged;
  EXPECT_NEAR(globals_["words"][0].tensor.values[9], before * 1.5F, 1e-6);
}

// Room for one upload at a time.
TEST_F(LiveRoundTest, AnUploadWithoutRoomWaitsUntilTheOneBeforeItIsAdded) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_begun = 0;
  const int a = Await("a", *encoded, &a_begun), b = Await("b", *encoded, &b_begun);
  EXPECT_EQ(a_begun, 1);
  EXPECT_EQ(b_begun, 0);
  EXPECT_EQ(Send("a", a, *encoded, 0, 2).state(), kWanted);
  EXPECT_EQ(b_begun, 0) << "the first has not come to its end";
  const int again = Await("a", *encoded, &a_begun, 2);
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 0);
  EXPECT_EQ(Send("a", again, *encoded, 2).state(), kAccepted);
  EXPECT_EQ(b_begun, 1);
  EXPECT_EQ(Send("b", b, *encoded, 0, 2).state(), kWanted);
  EXPECT_FALSE(OnDisk("b")) << "it had room in memory";
  EXPECT_EQ(Push("b", *encoded, 2).state(), kAccepted);
  EXPECT_EQ(b_begun, 1);
}

TEST_F(LiveRoundTest, AResumedUploadStillHasTheRoomThatItReserved) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int begun = 0;
  EXPECT_EQ(Send("a", Await("a", *encoded, &begun), *encoded, 0, 1).state(), kWanted);
  const int again = Await("a", *encoded, &begun, 1);
  EXPECT_EQ(begun, 2) << "nobody is before it but itself";
  EXPECT_EQ(Send("a", again, *encoded, 1).state(), kAccepted);
}

TEST_F(LiveRoundTest, AnUploadThatIsRefusedMakesRoomForTheNext) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int begun = 0;
  const int a = Await("a", *encoded, &begun);
  Await("b", *encoded, &begun);
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(round_->AppendChunk("a", a, "rubbish").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(begun, 2);
}

TEST_F(LiveRoundTest, AnUploadThatHasWaitedLongEnoughGoesToAFile) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_begun = 0;
  const int a = Await("a", *encoded, &a_begun), b = Await("b", *encoded, &b_begun);
  clock_.Advance(UploadQueue::kPatience - absl::Nanoseconds(1));
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 0);
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(b_begun, 0);
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 1);
  EXPECT_EQ(Send("b", b, *encoded, 0, 2).state(), kWanted);
  EXPECT_TRUE(OnDisk("b"));
  EXPECT_EQ(Push("b", *encoded, 2).state(), kAccepted);
  EXPECT_FALSE(OnDisk("b")) << "what has been added is removed";
  EXPECT_EQ(Send("a", a, *encoded).state(), kAccepted);
  const std::string merged = MergedHash();
  Open(1 << 20);
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(Push("b", *encoded).state(), kAccepted);
  EXPECT_EQ(MergedHash(), merged) << "memory or file makes no difference";
}

TEST_F(LiveRoundTest, AnUploadThatComesAlongIsWaitedForAndOneThatStandsStillIsNot) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_begun = 0;
  const int a = Await("a", *encoded, &a_begun);
  Await("b", *encoded, &b_begun);
  ASSERT_EQ(Send("a", a, *encoded, 0, encoded->chunks().size() / 2).state(), kWanted);
  clock_.Advance(UploadQueue::kPatience);
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 0) << "the other half will be there in as long";
  clock_.Advance(UploadQueue::kLongestTurn);
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 1);
}

// A question whether to push takes its turn like a push, and what it waited for is kept for the
// push.
TEST_F(LiveRoundTest, AQuestionIsAnsweredWhenThereIsRoomForTheUpdate) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_answered = 0, b_begun = 0;
  const int a = Await("a", *encoded, &a_begun);
  round_->AwaitTurn("b", encoded->bytes(), [&] { ++b_answered; });
  EXPECT_EQ(b_answered, 0);
  EXPECT_EQ(Send("a", a, *encoded).state(), kAccepted);
  EXPECT_EQ(b_answered, 1);
  EXPECT_EQ(round_->Ask("b").state(), kWanted);
  const int b = Await("b", *encoded, &b_begun);
  EXPECT_EQ(b_begun, 1);
  EXPECT_EQ(Send("b", b, *encoded, 0, 2).state(), kWanted);
  EXPECT_FALSE(OnDisk("b"));
}

TEST_F(LiveRoundTest, AQuestionIsAnsweredBeforeTheClientGivesUpOnIt) {
  cohort_.push_back({"c", "words", Modality::kText, 20});
  const auto encoded = Encode(0.5F);
  Open(0);
  int b_begun = 0, c_answered = 0;
  // One begins to go to a file each time that patience ends; c stays behind the queue's head.
  Await("b", *encoded, &b_begun);
  clock_.Advance(UploadQueue::kPatience - absl::Nanoseconds(1));
  round_->AwaitTurn("c", encoded->bytes(), [&] { ++c_answered; });
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun + c_answered, 0);
  clock_.Advance(UploadQueue::kLongestTurn);
  round_->AdmitOverdue();
  EXPECT_EQ(b_begun, 1);
  EXPECT_EQ(c_answered, 1);
}

TEST_F(LiveRoundTest, OnlyAQuestionForARoomfulFromTheStartWaits) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int begun = 0, answered = 0;
  EXPECT_EQ(Send("a", Await("a", *encoded, &begun), *encoded, 0, 1).state(), kWanted);
  round_->AwaitTurn("a", encoded->bytes(), [&] { ++answered; });
  EXPECT_EQ(answered, 1) << "a transfer that is to be resumed has its room";
  round_->AwaitTurn("b", 0, [&] { ++answered; });
  EXPECT_EQ(answered, 2) << "a client that does not tell how much it has";
  round_->AwaitTurn("stranger", encoded->bytes(), [&] { ++answered; });
  EXPECT_EQ(answered, 3);
  round_->AwaitTurn("b", encoded->bytes(), [&] { ++answered; });
  EXPECT_EQ(answered, 3);
  round_->Close();
  EXPECT_EQ(answered, 4);
  EXPECT_EQ(round_->Ask("b").state(), kLate);
}

TEST_F(LiveRoundTest, AClosedRoundBeginsAllThatWait) {
  cohort_.push_back({"c", "words", Modality::kText, 20});
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_begun = 0, c_begun = 0;
  Await("a", *encoded, &a_begun);
  const int b = Await("b", *encoded, &b_begun);
  Await("c", *encoded, &c_begun);
  EXPECT_EQ(b_begun + c_begun, 0);
  round_->Close();
  EXPECT_EQ(b_begun, 1);
  EXPECT_EQ(c_begun, 1);
  EXPECT_EQ(round_->AppendChunk("b", b, std::string(encoded->chunks()[0])).code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(round_->Ask("b").state(), kLate);
}

TEST_F(LiveRoundTest, AStreamThatWasTakenOverDoesNotHoldUpTheQueue) {
  cohort_.push_back({"c", "words", Modality::kText, 20});
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, old_begun = 0, new_begun = 0, c_begun = 0;
  const int a = Await("a", *encoded, &a_begun);
  const int old_ticket = Await("b", *encoded, &old_begun);
  const int new_ticket = Await("b", *encoded, &new_begun);
  Await("c", *encoded, &c_begun);
  EXPECT_EQ(old_begun, 1) << "to be told that it is moot";
  EXPECT_EQ(round_->AppendChunk("b", old_ticket, std::string(encoded->chunks()[0])).code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(new_begun, 0);
  EXPECT_EQ(Send("a", a, *encoded).state(), kAccepted);
  EXPECT_EQ(new_begun, 1);
  EXPECT_EQ(c_begun, 0);
  EXPECT_EQ(Send("b", new_ticket, *encoded).state(), kAccepted);
  EXPECT_EQ(c_begun, 1);
}

// Whatever a client asks, however often: one question of it waits.
TEST_F(LiveRoundTest, ANewerQuestionAnswersTheOlder) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, answered = 0, b_begun = 0;
  const int a = Await("a", *encoded, &a_begun);
  for (int asked = 0; asked < 1000; ++asked) {
    round_->AwaitTurn("b", encoded->bytes(), [&] { ++answered; });
    EXPECT_EQ(answered, asked);
  }
  Await("b", *encoded, &b_begun);
  EXPECT_EQ(answered, 1000) << "the push takes the last question's place";
  EXPECT_EQ(b_begun, 0);
  EXPECT_EQ(Send("a", a, *encoded).state(), kAccepted);
  EXPECT_EQ(b_begun, 1);
}

TEST_F(LiveRoundTest, AClientThatIsLostWhileItWaitsMakesWayForTheNext) {
  cohort_.push_back({"c", "words", Modality::kText, 20});
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int a_begun = 0, b_begun = 0, c_begun = 0;
  Await("a", *encoded, &a_begun);
  Await("b", *encoded, &b_begun);
  Await("c", *encoded, &c_begun);
  round_->Lost("b");
  EXPECT_EQ(b_begun, 1) << "to be told that it is moot";
  EXPECT_EQ(c_begun, 0);
  round_->Lost("a");
  EXPECT_EQ(c_begun, 1) << "the memory that a reserved and has not used";
}

TEST_F(LiveRoundTest, AnUpdateThatIsRefusedAtItsHeaderMakesRoomForTheNext) {
  const auto encoded = Encode(0.5F);
  Open(static_cast<int64_t>(encoded->bytes()));
  int answered = 0, b_begun = 0;
  round_->AwaitTurn("a", encoded->bytes(), [&] { ++answered; });
  EXPECT_EQ(answered, 1);
  Await("b", *encoded, &b_begun);
  EXPECT_EQ(b_begun, 0);
  v1::PushHeader header = Header(*encoded);
  header.set_chunks(0);
  wakes_ = 0;
  EXPECT_EQ(round_->BeginPush("a", header).state.state(), kRefused);
  EXPECT_EQ(b_begun, 1);
  EXPECT_GT(wakes_, 0) << "it may have been the last to be waited for";
}

TEST_F(LiveRoundTest, TellsOfUpdatesOnceEach) {
  std::vector<RunEvent> events;
  log_->Subscribe(0, [&](const RunEvent& event) { events.push_back(event); });
  const auto encoded = Encode(0.5F);
  v1::PushHeader header = Header(*encoded);
  header.mutable_report()->set_loss(0.25);
  const int a = round_->BeginPush("a", header).ticket;
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Send("a", a, *encoded).state(), kAccepted);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "update_accepted");
  EXPECT_EQ(events[0].data, nlohmann::json({{"round", 4},
                                            {"client", "a"},
                                            {"bytes", encoded->bytes()},
                                            {"loss", 0.25},
                                            {"seconds", 3.0}}));
  EXPECT_EQ(Push("a", *encoded).state(), kAccepted);
  EXPECT_EQ(events.size(), 1u) << "it is held once";

  const int b = round_->BeginPush("b", header).ticket;
  EXPECT_FALSE(round_->AppendChunk("b", b, "rubbish").ok());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].kind, "update_refused");
  EXPECT_EQ(events[1].data["client"], "b");
  EXPECT_EQ(events[1].data["reason"], round_->Ask("b").message());
}

TEST_F(LiveRoundTest, TellsOfATaskThatIsGivenUpWhileItIsTheClients) {
  std::vector<RunEvent> events;
  log_->Subscribe(0, [&](const RunEvent& event) { events.push_back(event); });
  wakes_ = 0;
  round_->Fail("a", "no memory");
  round_->Fail("stranger", "whatever");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "task_failed");
  EXPECT_EQ(events[0].data,
            nlohmann::json({{"round", 4}, {"client", "a"}, {"reason", "no memory"}}));
  EXPECT_EQ(wakes_, 1);
  ASSERT_EQ(Push("b", *Encode(0.5F)).state(), kAccepted);
  round_->Fail("b", "too late");
  EXPECT_EQ(round_->State().cohort[1].state, TaskState::kReported);
}

TEST_F(LiveRoundTest, ADownloadMayBeginAtAnyOfItsChunksAndNoOther) {
  const auto chunks = static_cast<uint32_t>((*round_->Download("a", 0))->chunks().size());
  EXPECT_TRUE(round_->Download("a", 0, chunks).ok()) << "all are there already";
  EXPECT_EQ(round_->Download("a", 0, chunks + 1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(LiveRoundTest, AnUploadThatVanishesHalfWayLeavesNoTrace) {
  ASSERT_EQ(Push("a", *Encode(0.5F)).state(), kAccepted);
  const std::string merged = MergedHash();
  for (const int64_t budget : {0, 1 << 20}) {
    Open(budget);
    const auto lost = Encode(0.75F);
    EXPECT_EQ(Push("b", *lost, 0, lost->chunks().size() - 1).state(), kWanted);
    round_->Lost("b");
    ASSERT_EQ(Push("a", *Encode(0.5F)).state(), kAccepted);
    EXPECT_EQ(MergedHash(), merged);
    EXPECT_FALSE(OnDisk("b"));
    EXPECT_EQ(round_->Updates().size(), 1u);
  }
}

TEST_F(LiveRoundTest, ChunksOfASecondMakingBeginTheUploadAnew) {
  ASSERT_EQ(Push("a", *Encode(0.25F)).state(), kAccepted);
  const std::string merged = MergedHash();
  Open(1 << 20);
  const auto first = Encode(0.5F), second = Encode(0.25F);
  EXPECT_EQ(Push("a", *first, 0, 2).state(), kWanted);
  const int ticket = round_->BeginPush("a", Header(*second, 2)).ticket;
  ASSERT_GE(ticket, 0);
  EXPECT_EQ(round_->AppendChunk("a", ticket, std::string(second->chunks()[2])).code(),
            absl::StatusCode::kFailedPrecondition);
  const v1::UpdateState asked = round_->Ask("a");
  EXPECT_EQ(asked.state(), kWanted);
  EXPECT_EQ(asked.next_chunk(), 0u);
  EXPECT_EQ(round_->AppendChunk("a", ticket, std::string(second->chunks()[0])).code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(Push("a", *second).state(), kAccepted);
  EXPECT_EQ(MergedHash(), merged);
}

}  // namespace
}  // namespace tributary
