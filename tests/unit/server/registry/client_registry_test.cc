#include "server/registry/client_registry.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "tests/unit/server/registry/fake_link.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ClientRegistryTest : public testing::Test {
 protected:
  v1::Join JoinOf(const std::string& name) {
    v1::Join join;
    join.set_client(name);
    join.mutable_data()->set_dataset("words");
    join.mutable_data()->set_samples(10);
    return join;
  }
  absl::StatusOr<std::string> Attach(const std::string& name,
                                     const std::shared_ptr<FakeLink>& link) {
    return registry_.Attach(JoinOf(name), Modality::kText, link);
  }

  SimulatedClock clock_{absl::UnixEpoch()};
  ClientRegistry registry_{absl::Seconds(5), &clock_};
  std::shared_ptr<FakeLink> link_ = std::make_shared<FakeLink>();
};

TEST_F(ClientRegistryTest, AClientAttendsOnceItsManifestIsAgreed) {
  const auto session = Attach("a", link_);
  ASSERT_TRUE(session.ok());
  EXPECT_FALSE(registry_.Clients()[0].attending);
  EXPECT_TRUE(registry_.MarkAttending("a", link_.get()));
  EXPECT_TRUE(registry_.Clients()[0].attending);
  EXPECT_EQ(*registry_.ClientOfSession(*session), "a");
  EXPECT_EQ(registry_.ClientOfSession("guess").status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(ClientRegistryTest, ANameInUseIsRefusedWhileItsClientIsHeard) {
  ASSERT_TRUE(Attach("a", link_).ok());
  clock_.Advance(absl::Seconds(9));
  const auto second = Attach("a", std::make_shared<FakeLink>());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find("9s ago"), std::string::npos);
}

TEST_F(ClientRegistryTest, ASilentClientsNameIsTakenOver) {
  const auto first_session = Attach("a", link_);
  clock_.Advance(absl::Seconds(10));
  const auto second = std::make_shared<FakeLink>();
  ASSERT_TRUE(Attach("a", second).ok());
  EXPECT_TRUE(link_->closed);
  EXPECT_FALSE(registry_.ClientOfSession(*first_session).ok());
  EXPECT_FALSE(registry_.Detach("a", link_.get()))
      << "the old stream's end must not touch the new one";
  EXPECT_FALSE(registry_.MarkAttending("a", link_.get()));
  EXPECT_EQ(registry_.linked(), 1);
}

TEST_F(ClientRegistryTest, HeartbeatsKeepAClientAlive) {
  ASSERT_TRUE(Attach("a", link_).ok());
  clock_.Advance(absl::Seconds(20));
  registry_.Heard("a", link_.get(), std::nullopt);
  clock_.Advance(absl::Seconds(20));
  EXPECT_TRUE(registry_.DropSilent(absl::Seconds(30)).empty());
  clock_.Advance(absl::Seconds(20));
  EXPECT_EQ(registry_.DropSilent(absl::Seconds(30)), std::vector<std::string>{"a"});
  EXPECT_TRUE(link_->closed);
  EXPECT_EQ(registry_.linked(), 0);
}

TEST_F(ClientRegistryTest, MessagesReachOnlyLinkedClients) {
  ASSERT_TRUE(Attach("a", link_).ok());
  EXPECT_TRUE(registry_.Send("a", v1::ServerMessage()));
  EXPECT_FALSE(registry_.Send("b", v1::ServerMessage()));
  ASSERT_TRUE(registry_.Detach("a", link_.get()));
  EXPECT_FALSE(registry_.Send("a", v1::ServerMessage()));
  EXPECT_EQ(link_->sent.size(), 1u);
}

TEST_F(ClientRegistryTest, SessionsDiffer) {
  const auto a = Attach("a", link_), b = Attach("b", std::make_shared<FakeLink>());
  EXPECT_NE(*a, *b);
}

TEST_F(ClientRegistryTest, ASessionIsALongSecret) {
  const auto session = Attach("a", link_);
  ASSERT_EQ(session->size(), 32u);
  EXPECT_EQ(session->find_first_not_of("0123456789abcdef"), std::string::npos) << *session;
}

TEST_F(ClientRegistryTest, AClientIsKnownByWhatItsJoinSaid) {
  EXPECT_EQ(registry_.Client("a"), std::nullopt);
  clock_.Advance(absl::Seconds(7));
  v1::Join join = JoinOf("a");
  join.set_device("cuda:0");
  ASSERT_TRUE(registry_.Attach(join, Modality::kText, link_).ok());
  const auto client = registry_.Client("a");
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ(client->name, "a");
  EXPECT_EQ(client->dataset, "words");
  EXPECT_EQ(client->modality, Modality::kText);
  EXPECT_EQ(client->samples, 10u);
  EXPECT_EQ(client->device, "cuda:0");
  EXPECT_EQ(client->last_heard, absl::UnixEpoch() + absl::Seconds(7));
  EXPECT_FALSE(client->progress.has_value());
}

TEST_F(ClientRegistryTest, ClientsAreListedByNameAlsoThoseThatHaveLeft) {
  for (const char* name : {"b", "c", "a"}) {
    ASSERT_TRUE(Attach(name, std::make_shared<FakeLink>()).ok());
  }
  ASSERT_TRUE(Attach("left", link_).ok());
  ASSERT_TRUE(registry_.Detach("left", link_.get()));
  std::vector<std::string> names;
  for (const ClientInfo& client : registry_.Clients()) names.push_back(client.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "left"));
  EXPECT_EQ(registry_.linked(), 3);
}

TEST_F(ClientRegistryTest, ARefusedSecondClientLeavesTheFirstAsItWas) {
  const auto session = Attach("a", link_);
  ASSERT_TRUE(registry_.MarkAttending("a", link_.get()));
  ASSERT_FALSE(Attach("a", std::make_shared<FakeLink>()).ok());
  EXPECT_FALSE(link_->closed);
  EXPECT_EQ(*registry_.ClientOfSession(*session), "a");
  EXPECT_TRUE(registry_.Client("a")->attending);
  EXPECT_EQ(registry_.linked(), 1);
}

TEST_F(ClientRegistryTest, ANameIsFreeOnceItsClientHasLeft) {
  const auto first = Attach("a", link_);
  ASSERT_TRUE(registry_.Detach("a", link_.get()));
  EXPECT_FALSE(registry_.ClientOfSession(*first).ok());
  const auto second = Attach("a", std::make_shared<FakeLink>());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*first, *second);
  EXPECT_EQ(registry_.Clients().size(), 1u) << "it is the same client";
}

TEST_F(ClientRegistryTest, TwoHeartbeatsOfSilenceFreeAName) {
  ASSERT_TRUE(Attach("a", link_).ok());
  clock_.Advance(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_FALSE(Attach("a", std::make_shared<FakeLink>()).ok());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_TRUE(Attach("a", std::make_shared<FakeLink>()).ok());
}

TEST_F(ClientRegistryTest, GettingReadyIsASignOfLife) {
  ASSERT_TRUE(Attach("a", link_).ok());
  clock_.Advance(absl::Seconds(9));
  ASSERT_TRUE(registry_.MarkAttending("a", link_.get()));
  clock_.Advance(absl::Seconds(9));
  EXPECT_FALSE(Attach("a", std::make_shared<FakeLink>()).ok());
  EXPECT_EQ(registry_.Client("a")->last_heard, absl::UnixEpoch() + absl::Seconds(9));
}

v1::Progress ProgressOf(uint32_t step) {
  v1::Progress progress;
  progress.set_step(step);
  return progress;
}

TEST_F(ClientRegistryTest, ProgressIsTheLastThatWasTold) {
  ASSERT_TRUE(Attach("a", link_).ok());
  registry_.Heard("a", link_.get(), ProgressOf(1));
  registry_.Heard("a", link_.get(), ProgressOf(2));
  EXPECT_EQ(registry_.Client("a")->progress->step(), 2u);
  registry_.Heard("a", link_.get(), std::nullopt);
  EXPECT_FALSE(registry_.Client("a")->progress.has_value()) << "it is idle";
  registry_.Heard("a", link_.get(), ProgressOf(3));
  registry_.Detach("a", link_.get());
  EXPECT_FALSE(registry_.Client("a")->progress.has_value()) << "it is gone";
}

TEST_F(ClientRegistryTest, AnOldLinkIsNotHeard) {
  ASSERT_TRUE(Attach("a", link_).ok());
  clock_.Advance(absl::Seconds(10));
  const auto second = std::make_shared<FakeLink>();
  ASSERT_TRUE(Attach("a", second).ok());
  clock_.Advance(absl::Seconds(5));
  registry_.Heard("a", link_.get(), ProgressOf(9));
  EXPECT_EQ(registry_.Client("a")->last_heard, absl::UnixEpoch() + absl::Seconds(10));
  EXPECT_FALSE(registry_.Client("a")->progress.has_value());
  registry_.Heard("nobody", link_.get(), ProgressOf(9));
  EXPECT_EQ(registry_.Client("nobody"), std::nullopt);
}

TEST_F(ClientRegistryTest, AbsenceBeginsWhenTheLinkIsGone) {
  ASSERT_TRUE(Attach("a", link_).ok());
  ASSERT_TRUE(registry_.MarkAttending("a", link_.get()));
  clock_.Advance(absl::Seconds(3));
  ASSERT_TRUE(registry_.Detach("a", link_.get()));
  EXPECT_FALSE(registry_.Client("a")->attending);
  EXPECT_EQ(registry_.Client("a")->absent_since, absl::UnixEpoch() + absl::Seconds(3));
  EXPECT_FALSE(registry_.Detach("a", link_.get())) << "once";
}

TEST_F(ClientRegistryTest, AMessageToAllReachesEachLinkOnce) {
  const auto other = std::make_shared<FakeLink>(), left = std::make_shared<FakeLink>();
  ASSERT_TRUE(Attach("a", link_).ok());
  ASSERT_TRUE(Attach("b", other).ok());
  ASSERT_TRUE(Attach("c", left).ok());
  registry_.Detach("c", left.get());
  v1::ServerMessage message;
  message.mutable_shutdown()->set_message("done");
  registry_.SendToAll(message);
  ASSERT_EQ(link_->sent.size(), 1u);
  EXPECT_EQ(link_->sent[0].shutdown().message(), "done");
  EXPECT_EQ(other->sent.size(), 1u);
  EXPECT_EQ(left->sent.size(), 0u);
}

TEST_F(ClientRegistryTest, OnlyThoseSilentLongerThanTheLimitAreDropped) {
  const auto lively = std::make_shared<FakeLink>(), left = std::make_shared<FakeLink>();
  ASSERT_TRUE(Attach("silent", link_).ok());
  ASSERT_TRUE(Attach("left", left).ok());
  registry_.Detach("left", left.get());
  clock_.Advance(absl::Seconds(30));
  ASSERT_TRUE(Attach("lively", lively).ok());
  EXPECT_THAT(registry_.DropSilent(absl::Seconds(30)), IsEmpty()) << "at the limit";
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(registry_.DropSilent(absl::Seconds(30)), ElementsAre("silent"));
  EXPECT_FALSE(lively->closed);
  EXPECT_THAT(registry_.DropSilent(absl::Seconds(30)), IsEmpty()) << "it was dropped already";
  EXPECT_TRUE(Attach("silent", std::make_shared<FakeLink>()).ok());
}

TEST_F(ClientRegistryTest, ADisconnectedClientHearsWhyAndIsGone) {
  const auto link = std::make_shared<FakeLink>();
  const auto session = Attach("site", link);
  ASSERT_TRUE(registry_.MarkAttending("site", link.get()));
  v1::ServerMessage farewell;
  farewell.mutable_shutdown()->set_reason(v1::Shutdown::REASON_EVICTED);
  EXPECT_TRUE(registry_.Disconnect("site", farewell));
  ASSERT_EQ(link->sent.size(), 1u);
  EXPECT_EQ(link->sent[0].shutdown().reason(), v1::Shutdown::REASON_EVICTED);
  EXPECT_TRUE(link->closed);
  EXPECT_FALSE(registry_.ClientOfSession(*session).ok()) << "nothing more is pushed under it";
  EXPECT_FALSE(registry_.Client("site")->attending);
  EXPECT_FALSE(registry_.Disconnect("site", farewell)) << "it is not linked any more";
  EXPECT_FALSE(registry_.Disconnect("nobody", farewell));
}

TEST_F(ClientRegistryTest, ManyClientsComeAndGoAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int turn = 0; turn < 50; ++turn) {
        const std::string name = std::to_string(i) + "-" + std::to_string(turn % 5);
        const auto link = std::make_shared<FakeLink>();
        const auto session = Attach(name, link);
        ASSERT_TRUE(session.ok()) << session.status();
        EXPECT_TRUE(registry_.MarkAttending(name, link.get()));
        EXPECT_EQ(*registry_.ClientOfSession(*session), name);
        registry_.Clients();
        EXPECT_TRUE(registry_.Detach(name, link.get()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registry_.linked(), 0);
  EXPECT_EQ(registry_.Clients().size(), 20u);
}

}  // namespace
}  // namespace tributary
