#include "server/registry/client_registry.h"

#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "tests/unit/server/registry/fake_link.h"

namespace tributary {
namespace {

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

}  // namespace
}  // namespace tributary
