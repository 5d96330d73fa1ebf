#include "tool/bench/raw_stream.h"

#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

namespace tributary {
namespace {

TEST(RawStreamTest, EveryRoundEndsWhenAllClientsHavePulledAndPushed) {
  constexpr int kClients = 3, kRounds = 2;
  std::vector<double> seconds;
  std::string address;
  absl::Notification listening;
  absl::Status served;
  std::thread server([&] {
    served = ServeRawStreams(
        kClients, kRounds, 3'000'001,
        [&](const std::string& where) {
          address = where;
          listening.Notify();
        },
        [&](double each) { seconds.push_back(each); });
  });
  listening.WaitForNotification();
  std::vector<absl::Status> results(kClients);
  std::vector<std::thread> clients;
  for (absl::Status& result : results) {
    clients.emplace_back([&] { result = RunRawClient(address, kRounds, 3'000'001); });
  }
  for (std::thread& client : clients) client.join();
  server.join();
  EXPECT_TRUE(served.ok()) << served;
  for (const absl::Status& result : results) EXPECT_TRUE(result.ok()) << result;
  ASSERT_EQ(seconds.size(), static_cast<size_t>(kRounds));
  for (const double each : seconds) EXPECT_GT(each, 0);
}

}  // namespace
}  // namespace tributary
