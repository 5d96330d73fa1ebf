#include "server/round/progress.h"

#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

std::vector<ClientInfo> Attending(int count) {
  std::vector<ClientInfo> clients;
  for (int i = 0; i < count; ++i) {
    ClientInfo client;
    client.name = absl::StrCat("client-", i);
    client.attending = true;
    clients.push_back(client);
  }
  return clients;
}

TEST(ProgressTest, TellsHowFarEachClientIs) {
  std::vector<ClientInfo> clients = Attending(4);
  clients[1].attending = false;
  clients[2].progress.emplace().set_stage("training");
  clients[2].progress->set_round(2);
  RunSnapshot snapshot;
  snapshot.round = 3;
  snapshot.tasks = {{"client-2", TaskState::kAccepted}, {"client-3", TaskState::kReported}};
  const nlohmann::json progress = ProgressJson(snapshot, clients);
  EXPECT_EQ(progress["round"], 3);
  EXPECT_EQ(progress["known"], 4);
  EXPECT_EQ(progress["clients"]["client-0"]["stage"], "idle");
  EXPECT_EQ(progress["clients"]["client-1"]["stage"], "absent");
  EXPECT_EQ(progress["clients"]["client-2"]["stage"], "training");
  EXPECT_EQ(progress["clients"]["client-2"]["round"], 2) << "its own, whatever the run is at";
  EXPECT_EQ(progress["clients"]["client-3"]["stage"], "reported");
}

TEST(ProgressTest, LeavesTheIdleOutWhereTheyAreMany) {
  std::vector<ClientInfo> clients = Attending(65);
  clients[7].attending = false;
  RunSnapshot snapshot;
  snapshot.tasks = {{"client-3", TaskState::kAccepted}};
  const nlohmann::json progress = ProgressJson(snapshot, clients);
  EXPECT_EQ(progress["known"], 65);
  EXPECT_EQ(progress["clients"].size(), 2u);
  EXPECT_TRUE(progress["clients"].contains("client-3"));
  EXPECT_TRUE(progress["clients"].contains("client-7"));
}

}  // namespace
}  // namespace tributary
