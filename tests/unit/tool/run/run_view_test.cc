#include "tool/run/run_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kStart = absl::FromUnixSeconds(1000);

nlohmann::json Event(const std::string& kind, nlohmann::json data, int64_t after_seconds = 0) {
  return {{"kind", kind},
          {"message", "message of " + kind},
          {"unix_ms", (1000 + after_seconds) * 1000},
          {"data", std::move(data)}};
}

nlohmann::json Retrieval() {
  return {{"kind", "retrieval"},
          {"samples", 20},
          {"r1_sum", 10.0},
          {"chance_r1_sum", 0.5},
          {"i2t", {{"r1", 4.0}, {"r5", 8.0}, {"r10", 12.0}}},
          {"t2i", {{"r1", 6.0}, {"r5", 8.0}, {"r10", 12.0}}},
          {"gallery", {{"images", 10}, {"captions", 20}}}};
}

TEST(RunViewTest, FollowsARunToItsEnd) {
  RunView view(kStart);
  EXPECT_EQ(view.Apply(Event("listening", {{"address", "127.0.0.1:7000"}})), "");
  EXPECT_EQ(view.address(), "127.0.0.1:7000");
  view.Apply(Event("run_started", {{"method", "fedcola"}, {"rounds", 4}}));
  view.Apply(Event("round_started", {{"round", 1}}));
  view.Apply(Event(
      "progress",
      {{"round", 1},
       {"phase", "training"},
       {"waiting", "for 1 of 2 clients"},
       {"bytes_up", 2'500'000},
       {"bytes_down", 1},
       {"clients", {{"a", {{"stage", "training"}, {"step", 3}, {"steps", 9}, {"loss", 0.5}}}}}}));
  EXPECT_THAT(view.Lines(kStart + absl::Seconds(61)),
              AllOf(Contains(HasSubstr("round 1 of 4")), Contains(HasSubstr("elapsed 1:01")),
                    Contains(HasSubstr("for 1 of 2 clients")), Contains(HasSubstr("step    3/9")),
                    Contains(HasSubstr("up 2.5 MB"))));
  const std::string line =
      view.Apply(Event("round_committed", {{"round", 1},
                                           {"seconds", 2.0},
                                           {"loss", {{"icons", 0.25}}},
                                           {"tasks", {{"icons", Retrieval()}}}}));
  EXPECT_THAT(line, AllOf(HasSubstr("round 1/4"), HasSubstr("icons 0.250"),
                          HasSubstr("R@1 sum 10.00 (chance 0.50)")));
  EXPECT_FALSE(view.finished());
  view.Apply(Event("run_finished", {{"result", {{"method", "fedcola"}}}}));
  EXPECT_TRUE(view.finished());
  EXPECT_EQ(view.result().at("method"), "fedcola");
}

TEST(RunViewTest, TimeLeftComesFromTheRoundsSoFar) {
  RunView view(kStart);
  view.Apply(Event("run_started", {{"method", "fedavg"}, {"rounds", 5}}));
  view.Apply(Event("round_started", {{"round", 1}}, 0));
  view.Apply(Event("round_started", {{"round", 3}}, 20));
  // Two and a half rounds are counted as gone after 25 s, two and a half are ahead.
  EXPECT_THAT(view.Lines(kStart + absl::Seconds(25))[0], HasSubstr("about 0:25 left"));
}

TEST(RunViewTest, TheReasonOfAFailureIsKept) {
  RunView view(kStart);
  EXPECT_EQ(view.Apply(Event("run_failed", {{"reason", "no quorum"}})), "");
  EXPECT_EQ(view.error(), "no quorum");
}

// Events of a later version, or damaged ones, must not end the display.
TEST(RunViewTest, UnexpectedFieldsAreNoError) {
  RunView view(kStart);
  for (const nlohmann::json& event :
       {nlohmann::json::object(), nlohmann::json({{"kind", 7}}), Event("progress", "text"),
        Event("run_started", {{"rounds", "many"}}),
        Event("round_committed", {{"loss", 3}, {"tasks", 4}}),
        Event("round_committed", {{"loss", {{"icons", "low"}}}})}) {
    view.Apply(event);
    EXPECT_FALSE(view.Lines(kStart).empty());
  }
  EXPECT_FALSE(ResultTable(nlohmann::json::object()).empty());
}

TEST(RunViewTest, TheTableShowsEveryFigure) {
  const std::string table = ResultTable({{"method", "fedcola"},
                                         {"rounds", 3},
                                         {"seed", 1},
                                         {"seconds", 12.0},
                                         {"bytes_up", 1'500'000},
                                         {"bytes_down", 2'000'000'000},
                                         {"tasks",
                                          {{"icons", Retrieval()},
                                           {"words",
                                            {{"kind", "classification"},
                                             {"accuracy", 42.0},
                                             {"chance_accuracy", 3.85},
                                             {"samples", 9}}}}}});
  EXPECT_THAT(table, AllOf(HasSubstr("gallery of 10 images, 20 captions"), HasSubstr("4.00"),
                           HasSubstr("20.0 times chance"), HasSubstr("accuracy 42.00 %"),
                           HasSubstr("up 1.5 MB, down 2.00 GB")));
}

TEST(RunViewTest, TheTableShowsWhatElseIsKnown) {
  nlohmann::json result = {{"tasks",
                            {{"words",
                              {{"kind", "classification"},
                               {"accuracy", 42.0},
                               {"balanced_accuracy", 41.0},
                               {"macro_f1", 40.0},
                               {"auroc", 0.8125},
                               {"loss", 1.5}}}}},
                           {"best", {{"round", 7}, {"metric", "words.auroc"}, {"value", 0.8321}}},
                           {"stopped_early", "no better one"}};
  EXPECT_THAT(
      ResultTable(result),
      AllOf(HasSubstr("balanced accuracy 41.00 %, macro F1 40.00 %, AUROC 0.8125, loss 1.5"),
            HasSubstr("best round 7: words.auroc 0.8321"),
            HasSubstr("stopped early: no better one")));
  result.erase("best");
  result.erase("stopped_early");
  EXPECT_THAT(ResultTable(result), Not(HasSubstr("best round")));
}

}  // namespace
}  // namespace tributary
