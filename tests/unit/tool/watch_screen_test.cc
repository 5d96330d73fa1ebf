#include "tool/watch_screen.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"

namespace tributary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1000);

nlohmann::json Event(const std::string& kind, nlohmann::json data) {
  return {{"kind", kind},
          {"message", "message of " + kind},
          {"unix_ms", 1'000'000},
          {"data", std::move(data)}};
}

// A run of forty clients, of which the last trains.
WatchScreen FortyClients() {
  WatchScreen screen;
  screen.Take(Event("run_started", {{"method", "fedcola"}, {"rounds", 4}}));
  nlohmann::json clients;
  for (int i = 0; i < 39; ++i) clients[absl::StrFormat("site-%02d", i)] = {{"stage", "idle"}};
  clients["site-39"] = {{"stage", "train"}, {"step", 3}, {"steps", 9}, {"loss", 0.5}};
  for (int i = 0; i < 30; ++i) screen.Take(Event("client_joined", {}));
  screen.Take(Event("progress", {{"round", 2}, {"phase", "training"}, {"clients", clients}}));
  return screen;
}

TEST(WatchScreenTest, FortyClientsFitOnTwentyFourLines) {
  const auto lines = FortyClients().Lines(kStart, 23);
  EXPECT_THAT(lines, SizeIs(::testing::Le(23)));
  EXPECT_THAT(lines, Contains(HasSubstr("round 2 of 4")));
  EXPECT_THAT(lines, Contains(HasSubstr("site-39"))) << "who works comes first";
  EXPECT_THAT(lines, Contains(HasSubstr("more: ")));
  EXPECT_THAT(lines.back(), MatchesRegex("....-..-.. ..:..:.. message of client_joined"));
}

TEST(WatchScreenTest, EachClientHasALineWhereThereIsRoom) {
  const auto lines = FortyClients().Lines(kStart, 100);
  for (int i = 0; i < 40; ++i) {
    EXPECT_THAT(lines, Contains(HasSubstr(absl::StrFormat("site-%02d", i))));
  }
}

TEST(WatchScreenTest, BeforeTheFirstEventItSaysWhatItWaitsFor) {
  EXPECT_THAT(WatchScreen().Lines(kStart, 23), SizeIs(1));
}

}  // namespace
}  // namespace tributary
