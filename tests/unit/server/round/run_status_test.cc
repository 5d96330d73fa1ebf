#include "server/round/run_status.h"

#include <gtest/gtest.h>

#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

ClientInfo Client(const std::string& name, bool attending) {
  ClientInfo client;
  client.name = name;
  client.dataset = "words";
  client.modality = Modality::kText;
  client.samples = 30;
  client.device = "cpu";
  client.attending = attending;
  client.last_heard = kNow - absl::Milliseconds(1500);
  return client;
}

TEST(RunStatusTest, TellsOfTheRunAndOfEachClient) {
  RunSnapshot snapshot;
  snapshot.round = 2;
  snapshot.phase = Phase::kTraining;
  snapshot.waiting = "waiting for 1 of 2";
  snapshot.bytes_up = 10;
  snapshot.bytes_down = 20;
  snapshot.tasks = {{"b", TaskState::kPushing}, {"c", TaskState::kReported}};
  std::vector<ClientInfo> known = {Client("a", true), Client("b", true), Client("c", true),
                                   Client("d", false)};
  known[1].progress.emplace().set_step(3);
  known[1].progress->set_steps(9);
  known[1].progress->set_loss(0.5);
  const v1::RunStatus status = RunStatusOf(TinyContext(), snapshot, known, kNow);
  EXPECT_EQ(status.run_id(), "run-1");
  EXPECT_EQ(status.run_name(), "tiny");
  EXPECT_EQ(status.method(), "fedavg");
  EXPECT_EQ(status.round(), 2u);
  EXPECT_EQ(status.rounds(), 3u);
  EXPECT_EQ(status.phase(), "training");
  EXPECT_EQ(status.waiting(), "waiting for 1 of 2");
  EXPECT_EQ(status.bytes_up(), 10u);
  EXPECT_EQ(status.bytes_down(), 20u);
  EXPECT_FALSE(status.software_version().empty());
  ASSERT_EQ(status.clients_size(), 4);
  EXPECT_EQ(status.clients(0).state(), "attending");
  EXPECT_EQ(status.clients(1).state(), "training");
  EXPECT_EQ(status.clients(2).state(), "reported");
  EXPECT_EQ(status.clients(3).state(), "absent");
  EXPECT_EQ(status.clients(1).client(), "b");
  EXPECT_EQ(status.clients(1).dataset(), "words");
  EXPECT_EQ(status.clients(1).modality(), "text");
  EXPECT_EQ(status.clients(1).samples(), 30u);
  EXPECT_EQ(status.clients(1).device(), "cpu");
  EXPECT_EQ(status.clients(1).last_heard_ms(), 1500u);
  EXPECT_EQ(status.clients(1).step(), 3u);
  EXPECT_EQ(status.clients(1).steps(), 9u);
  EXPECT_EQ(status.clients(1).loss(), 0.5);
}

TEST(RunStatusTest, AClientThatIsHeardFromTheFutureWasHeardNow) {
  ClientInfo client = Client("a", true);
  client.last_heard = kNow + absl::Seconds(1);
  EXPECT_EQ(RunStatusOf(TinyContext(), {}, {client}, kNow).clients(0).last_heard_ms(), 0u);
}

}  // namespace
}  // namespace tributary
