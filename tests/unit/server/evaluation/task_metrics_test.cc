#include "server/evaluation/task_metrics.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TaskMetricsTest, ClassificationHoldsWhatTheContractNames) {
  const nlohmann::json json = ToJson(TaskMetrics{
      .samples = 40,
      .classification = ClassificationMetrics{.accuracy = 62.5, .chance_accuracy = 12.5},
      .retrieval = {}});
  EXPECT_EQ(json, nlohmann::json({{"kind", "classification"},
                                  {"samples", 40},
                                  {"accuracy", 62.5},
                                  {"chance_accuracy", 12.5}}));
}

TEST(TaskMetricsTest, RetrievalHoldsWhatTheContractNames) {
  GalleryMetrics gallery;
  gallery.full.i2t = {.r1 = 1, .r5 = 2, .r10 = 3};
  gallery.full.t2i = {.r1 = 4, .r5 = 5, .r10 = 6};
  gallery.images = 10;
  gallery.captions = 50;
  gallery.chance_r1_sum = 20;
  nlohmann::json expected = {{"kind", "retrieval"},
                             {"samples", 50},
                             {"i2t", {{"r1", 1.0}, {"r5", 2.0}, {"r10", 3.0}}},
                             {"t2i", {{"r1", 4.0}, {"r5", 5.0}, {"r10", 6.0}}},
                             {"r1_sum", 5.0},
                             {"chance_r1_sum", 20.0},
                             {"gallery", {{"images", 10}, {"captions", 50}}}};
  EXPECT_EQ(ToJson(TaskMetrics{.samples = 50, .classification = {}, .retrieval = gallery}),
            expected);
  gallery.folded_r1_sum = 70;
  expected["r1_sum_1k"] = 70.0;
  expected["r1_sum_both"] = 75.0;
  EXPECT_EQ(ToJson(TaskMetrics{.samples = 50, .classification = {}, .retrieval = gallery}),
            expected);
}

std::string TextOf(const nlohmann::json& json) { return json.dump(2); }

TEST(TaskMetricsTest, WhatIsReadBackIsWrittenAsTheSameText) {
  GalleryMetrics gallery;
  gallery.full.i2t = {.r1 = 100.0 / 3, .r5 = 2, .r10 = 3, .median = 7, .mean = 8};
  gallery.full.t2i = {.r1 = 0.1, .r5 = 5, .r10 = 6};
  gallery.images = 10;
  gallery.captions = 50;
  gallery.chance_r1_sum = 20;
  GalleryMetrics folded = gallery;
  folded.folded_r1_sum = 200.0 / 3;
  const nlohmann::json json = TasksToJson(
      {{"icons",
        {.samples = 3,
         .classification = ClassificationMetrics{.accuracy = 100.0 / 3, .chance_accuracy = 10},
         .retrieval = {}}},
       {"pairs", {.samples = 50, .classification = {}, .retrieval = gallery}},
       {"folded", {.samples = 50, .classification = {}, .retrieval = folded}}});
  const auto read = TasksFromJson(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(TextOf(TasksToJson(*read)), TextOf(json));
  EXPECT_EQ(TextOf(TasksToJson(*TasksFromJson(nlohmann::json::object()))), "{}");
}

TEST(TaskMetricsTest, AllThatIsKnownIsWrittenAndReadBack) {
  ClassificationMetrics known{.accuracy = 100.0 / 3, .chance_accuracy = 50};
  known.loss = 0.7;
  known.balanced_accuracy = 200.0 / 3;
  known.macro_f1 = 40;
  known.auroc = 0.625;
  known.auroc_error = 0.001;
  known.confusion = {{1, 2}, {0, 0}};
  GalleryMetrics gallery;
  gallery.images = gallery.captions = 3;
  gallery.full.loss = 2.5;
  gallery.has_loss = true;
  const nlohmann::json json =
      TasksToJson({{"icons", {.samples = 3, .classification = known, .retrieval = {}}},
                   {"pairs", {.samples = 3, .classification = {}, .retrieval = gallery}}});
  EXPECT_EQ(json["icons"]["auroc_error"], 0.001);
  EXPECT_EQ(json["icons"]["confusion"], nlohmann::json({{1, 2}, {0, 0}}));
  EXPECT_EQ(json["pairs"]["loss"], 2.5);
  const auto read = TasksFromJson(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(TextOf(TasksToJson(*read)), TextOf(json));
}

TEST(TaskMetricsTest, RecordsOfTheFirstVersionAreRead) {
  const auto read = TasksFromJson(
      {{"icons",
        {{"kind", "classification"}, {"samples", 3}, {"accuracy", 50}, {"chance_accuracy", 10}}}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(MetricValue(read->at("icons"), "accuracy"), 50);
  EXPECT_EQ(MetricValue(read->at("icons"), "loss"), std::nullopt);
  EXPECT_EQ(MetricValue(read->at("icons"), "r1_sum"), std::nullopt);
}

TEST(TaskMetricsTest, RetrievalFromCounts) {
  const TaskMetrics metrics = MetricsOf(
      {.samples = 8,
       .classification = {},
       .retrieval = RetrievalCounts{.i2t = {.queries = 4, .hits1 = 1, .hits5 = 2, .hits10 = 4},
                                    .t2i = {.queries = 8, .hits1 = 4, .hits5 = 4, .hits10 = 6},
                                    .images = 4,
                                    .captions = 8,
                                    .loss_sum = 12}});
  EXPECT_DOUBLE_EQ(metrics.retrieval->full.i2t.r5, 50);
  EXPECT_DOUBLE_EQ(metrics.retrieval->full.t2i.r10, 75);
  EXPECT_EQ(MetricValue(metrics, "r1_sum"), 75);
  EXPECT_EQ(MetricValue(metrics, "loss"), 1.5);
  EXPECT_DOUBLE_EQ(metrics.retrieval->chance_r1_sum, 50);
}

TEST(TaskMetricsTest, WhatCannotBeReadIsNamed) {
  const auto read = TasksFromJson({{"icons", {{"kind", "classification"}, {"samples", 3}}}});
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read.status().message()),
              AllOf(HasSubstr("dataset icons"), HasSubstr("accuracy")));
  EXPECT_FALSE(TasksFromJson(nlohmann::json::array()).ok());
}

}  // namespace
}  // namespace tributary
