#include "server/round/attendance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

ClientInfo Client(const std::string& name, const std::string& dataset, bool attending = true) {
  ClientInfo client;
  client.name = name;
  client.dataset = dataset;
  client.modality = dataset == "words" ? Modality::kText : Modality::kImage;
  client.samples = 10;
  client.attending = attending;
  return client;
}

std::vector<std::string> NamesOf(const std::vector<CohortMember>& cohort) {
  std::vector<std::string> names;
  for (const CohortMember& member : cohort) names.push_back(member.client);
  return names;
}

// The run expects two clients of each of its two datasets.
TEST(AttendanceTest, CountsWhoAttendsAndWhatIsMissed) {
  const RunContext context = TinyContext();
  std::vector<ClientInfo> known = {Client("w0", "words"), Client("w1", "words"),
                                   Client("p0", "pictures", false)};
  Attendance attendance = AttendanceOf(known, context);
  EXPECT_EQ(attendance.expected, 4);
  EXPECT_EQ(attendance.attending, 2);
  EXPECT_FALSE(attendance.every_dataset);
  known[2].attending = true;
  attendance = AttendanceOf(known, context);
  EXPECT_TRUE(attendance.every_dataset);
  EXPECT_FALSE(attendance.complete());
  known.push_back(Client("p1", "pictures"));
  EXPECT_TRUE(AttendanceOf(known, context).complete());
}

TEST(AttendanceTest, AFifthClientDoesNotMakeUpForADataset) {
  std::vector<ClientInfo> known;
  for (int i = 0; i < 5; ++i) known.push_back(Client(absl::StrCat("w", i), "words"));
  EXPECT_FALSE(AttendanceOf(known, TinyContext()).complete());
}

TEST(SampleMembersTest, DrawsFromThoseWhoAttendInOrderOfName) {
  RunConfig config = TinyConfig();
  const std::vector<ClientInfo> known = {Client("z", "pictures"), Client("m", "words"),
                                         Client("a", "words"), Client("b", "words", false)};
  const std::vector<CohortMember> all = SampleMembers(known, config, 1, 0);
  EXPECT_THAT(NamesOf(all), ElementsAre("a", "m", "z"));
  EXPECT_EQ(all[2].dataset, "pictures");
  EXPECT_EQ(all[2].modality, Modality::kImage);
  EXPECT_EQ(all[2].samples, 10u);
  config.round.fraction = 0.5;
  EXPECT_EQ(SampleMembers(known, config, 1, 0).size(), 2u) << "one of each dataset";
}

TEST(SampleMembersTest, RoundsAndAttemptsDrawAnew) {
  RunConfig config = TinyConfig();
  config.round.fraction = 0.5;
  std::vector<ClientInfo> known;
  for (int i = 10; i < 30; ++i) known.push_back(Client(absl::StrCat("w", i), "words"));
  const auto names = [&](int round, int attempt) {
    return NamesOf(SampleMembers(known, config, round, attempt));
  };
  EXPECT_EQ(names(1, 0), names(1, 0));
  EXPECT_NE(names(1, 0), names(2, 0));
  EXPECT_NE(names(1, 0), names(1, 1));
}

}  // namespace
}  // namespace tributary
