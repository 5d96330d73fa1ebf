#include "server/evaluation/client_metrics.h"

#include <gtest/gtest.h>

#include "common/train/score_counter.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {
namespace {

// Two classes; the first `right` of `samples` are predicted right.
TaskCounts Classified(int64_t samples, int64_t right) {
  ScoreCounter counter(2);
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t label = i % 2;
    const bool first = (label == 0) == (i < right);
    counter.Add({first ? 1.0F : 0.0F, first ? 0.0F : 1.0F}, {label});
  }
  return {.samples = samples, .classification = std::move(counter).Finish()};
}

TaskCounts Retrieved(int64_t samples, double hits) {
  const RecallCounts recall{.queries = samples, .hits1 = hits, .hits5 = hits, .hits10 = hits};
  return {.samples = samples,
          .retrieval = RetrievalCounts{
              .i2t = recall, .t2i = recall, .images = samples, .captions = samples, .loss_sum = 1}};
}

TEST(ClientMetricsTest, MeanBestAndWorstAreByClient) {
  const auto json = ClientMetricsToJson({{"large", Classified(100, 90)},
                                         {"small", Classified(10, 5)},
                                         {"none", Classified(0, 0)},
                                         {"also-large", Classified(20, 18)}});
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->at("metric"), "accuracy");
  EXPECT_NEAR(json->at("mean").get<double>(), (90.0 + 50 + 90) / 3, 1e-9);
  EXPECT_NEAR(json->at("merged").at("accuracy").get<double>(), 100 * 113.0 / 130, 1e-9)
      << "by samples, not by clients";
  EXPECT_EQ(json->at("merged").at("samples"), 130);
  EXPECT_EQ(json->at("best"), nlohmann::json({{"client", "also-large"}, {"value", 90.0}}))
      << "of equals the first by name";
  EXPECT_EQ(json->at("worst"), nlohmann::json({{"client", "small"}, {"value", 50.0}}));
  ASSERT_EQ(json->at("by_client").size(), 3u) << "who has no samples is left out";
  EXPECT_EQ(json->at("by_client").at("small").at("samples"), 10);
  EXPECT_TRUE(json->at("by_client").at("small").contains("macro_f1"));
  EXPECT_FALSE(json->at("by_client").at("small").contains("confusion"));
}

TEST(ClientMetricsTest, PairClientsAreJudgedByTheirRecall) {
  const auto json = ClientMetricsToJson({{"a", Retrieved(10, 5)}, {"b", Retrieved(30, 3)}});
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->at("metric"), "r1_sum");
  EXPECT_EQ(json->at("best").at("client"), "a");
  EXPECT_NEAR(json->at("best").at("value").get<double>(), 100, 1e-9);
  EXPECT_NEAR(json->at("mean").get<double>(), 60, 1e-9);
  EXPECT_NEAR(json->at("merged").at("r1_sum").get<double>(), 2 * 100 * 8.0 / 40, 1e-9);
}

TEST(ClientMetricsTest, WithoutSamplesThereIsNothingToTell) {
  EXPECT_EQ(ClientMetricsToJson({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ClientMetricsToJson({{"a", Classified(0, 0)}}).ok());
  EXPECT_FALSE(ClientMetricsToJson({{"a", Classified(4, 2)}, {"b", Retrieved(4, 2)}}).ok());
}

TEST(ClientMetricsTest, TheyTravelWithATasksMetrics) {
  TaskMetrics metrics = MetricsOf(Classified(10, 5));
  EXPECT_FALSE(ToJson(metrics).contains("clients"));
  metrics.clients = *ClientMetricsToJson({{"a", Classified(10, 5)}});
  const auto read = TasksFromJson(TasksToJson({{"icons", metrics}}));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->at("icons").clients, metrics.clients);
}

}  // namespace
}  // namespace tributary
