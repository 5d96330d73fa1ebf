#include "server/service/attend_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"
#include "server/method/method_hooks.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/fake_link.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class AttendSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    events_->Subscribe(0, [this](const RunEvent& event) { kinds_.push_back(event.kind); });
  }

  std::unique_ptr<AttendSession> Session(PeerIdentity peer = {}) {
    const ServiceDependencies dependencies{&context_, &registry_, &coordinator_,
                                           &coordinator_.active_round(), events_.get()};
    return std::make_unique<AttendSession>(dependencies, std::move(peer));
  }
  static v1::ClientMessage JoinOf(const std::string& client, uint64_t sequence = 1) {
    v1::ClientMessage message;
    message.set_sequence(sequence);
    v1::Join* join = message.mutable_join();
    join->set_protocol(kProtocolVersion);
    join->set_client(client);
    join->set_vocabulary("vocabulary-digest");
    join->mutable_data()->set_dataset("words");
    join->mutable_data()->set_modality(v1::MODALITY_TEXT);
    join->mutable_data()->set_samples(100);
    join->mutable_data()->set_classes(5);
    for (const auto codec : {v1::CODEC_F32, v1::CODEC_F16, v1::CODEC_INT8_BLOCK})
      join->add_codecs(codec);
    return message;
  }
  v1::ClientMessage ReadyOf(const std::string& dataset) const {
    v1::ClientMessage message;
    message.set_sequence(2);
    *message.mutable_ready()->mutable_upload() =
        ManifestToProto(context_.datasets.at(dataset).plain);
    return message;
  }

  const RunContext context_ = TinyContext();
  SimulatedClock clock_{absl::UnixEpoch()};
  const ScratchFolder scratch_;
  std::unique_ptr<RunStore> store_ = *RunStore::Open(scratch_ / "state");
  std::unique_ptr<EventLog> events_ = *EventLog::Open("", &clock_);
  ClientRegistry registry_{absl::Seconds(5), &clock_};
  const MethodHooks hooks_{};
  Coordinator coordinator_{
      {.context = &context_,
       .store = store_.get(),
       .events = events_.get(),
       .registry = &registry_,
       .hooks = &hooks_,
       .clock = &clock_,
       .evaluate = [](const auto&) { return std::map<std::string, TaskMetrics>(); }}};
  std::vector<std::string> kinds_;
  std::shared_ptr<FakeLink> link_ = std::make_shared<FakeLink>();
};

TEST_F(AttendSessionTest, JoinWelcomeReadyAttending) {
  const auto session = Session();
  session->Handle(JoinOf("site-1"), link_);
  ASSERT_EQ(link_->sent.size(), 1u);
  EXPECT_TRUE(link_->sent[0].has_welcome());
  EXPECT_FALSE(link_->sent[0].welcome().session().empty());
  session->Handle(ReadyOf("words"), link_);
  ASSERT_EQ(link_->sent.size(), 2u);
  EXPECT_TRUE(link_->sent[1].has_attending());
  EXPECT_THAT(kinds_, Contains("client_joined"));
}

TEST_F(AttendSessionTest, AMessageThatArrivesTwiceCountsOnce) {
  const auto session = Session();
  session->Handle(JoinOf("site-1"), link_);
  session->Handle(JoinOf("site-1"), link_);
  session->Handle(JoinOf("site-2", 2), link_);  // joined already
  EXPECT_EQ(link_->sent.size(), 1u);
  EXPECT_EQ(registry_.linked(), 1);
}

TEST_F(AttendSessionTest, TheFirstMessageMustBeJoin) {
  const auto session = Session();
  v1::ClientMessage heartbeat;
  heartbeat.set_sequence(1);
  heartbeat.mutable_heartbeat();
  session->Handle(heartbeat, link_);
  ASSERT_EQ(link_->sent.size(), 1u);
  EXPECT_EQ(link_->sent[0].refusal().reason(), v1::Refusal::REASON_PROTOCOL);
  EXPECT_TRUE(link_->closed);
  EXPECT_THAT(kinds_, Contains("client_refused"));
}

TEST_F(AttendSessionTest, ANameInUseIsRefusedForNow) {
  const auto first = Session(), second = Session();
  first->Handle(JoinOf("site-1"), link_);
  const auto other = std::make_shared<FakeLink>();
  second->Handle(JoinOf("site-1"), other);
  ASSERT_EQ(other->sent.size(), 1u);
  EXPECT_EQ(other->sent[0].refusal().reason(), v1::Refusal::REASON_NAME);
  EXPECT_TRUE(other->sent[0].refusal().retry());
  EXPECT_FALSE(link_->closed);
}

TEST_F(AttendSessionTest, AnEvictedClientIsRefusedUntilItIsForgiven) {
  ASSERT_TRUE(coordinator_.control().Evict("site-1", {"alice", clock_.Now(), "bad data"}).ok());
  Session()->Handle(JoinOf("site-1"), link_);
  ASSERT_EQ(link_->sent.size(), 1u);
  EXPECT_EQ(link_->sent[0].refusal().reason(), v1::Refusal::REASON_NOT_PERMITTED);
  EXPECT_THAT(link_->sent[0].refusal().message(), HasSubstr("by alice"));
  EXPECT_THAT(link_->sent[0].refusal().message(), HasSubstr("bad data"));
  EXPECT_FALSE(link_->sent[0].refusal().retry());
  EXPECT_TRUE(link_->closed);
  EXPECT_EQ(registry_.linked(), 0);
  ASSERT_TRUE(coordinator_.control().Forgive("site-1").ok());
  const auto other = std::make_shared<FakeLink>();
  Session()->Handle(JoinOf("site-1"), other);
  ASSERT_EQ(other->sent.size(), 1u);
  EXPECT_TRUE(other->sent[0].has_welcome());
}

TEST_F(AttendSessionTest, AnotherManifestIsRefusedWithTheDifference) {
  const auto session = Session();
  session->Handle(JoinOf("site-1"), link_);
  session->Handle(ReadyOf("pictures"), link_);
  ASSERT_EQ(link_->sent.size(), 2u);
  EXPECT_EQ(link_->sent[1].refusal().reason(), v1::Refusal::REASON_MANIFEST);
  EXPECT_THAT(link_->sent[1].refusal().message(), HasSubstr("site-1"));
  EXPECT_TRUE(link_->closed);
}

TEST_F(AttendSessionTest, TheEndOfAnOldStreamLeavesTheNewOneAlone) {
  const auto old = Session(), fresh = Session();
  old->Handle(JoinOf("site-1"), link_);
  clock_.Advance(absl::Seconds(60));
  const auto link = std::make_shared<FakeLink>();
  fresh->Handle(JoinOf("site-1"), link);
  old->End(link_.get(), "broken");
  EXPECT_EQ(registry_.linked(), 1);
  fresh->End(link.get(), "broken");
  EXPECT_EQ(registry_.linked(), 0);
  EXPECT_EQ(std::count(kinds_.begin(), kinds_.end(), "client_left"), 1);
}

TEST_F(AttendSessionTest, TasksOfRoundsThatAreNotUnderWayAreIgnored) {
  const auto session = Session();
  session->Handle(JoinOf("site-1"), link_);
  session->Handle(ReadyOf("words"), link_);
  v1::ClientMessage message;
  message.set_sequence(3);
  message.mutable_task_failed()->set_round(7);
  session->Handle(message, link_);
  message.set_sequence(4);
  message.mutable_task_accepted()->set_round(7);
  session->Handle(message, link_);
  EXPECT_EQ(link_->sent.size(), 2u);
  EXPECT_FALSE(link_->closed);
}

}  // namespace
}  // namespace tributary
