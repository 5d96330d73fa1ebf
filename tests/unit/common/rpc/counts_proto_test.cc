#include "common/rpc/counts_proto.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(CountsProtoTest, CountsOfClassesGoThereAndBack) {
  const TaskCounts counts{.samples = 3,
                          .classification = ClassCounts{.classes = 2,
                                                        .right = 2,
                                                        .loss_sum = 1.25,
                                                        .confusion = {1, 0, 1, 1},
                                                        .positives = {0, 5},
                                                        .negatives = {7, 0},
                                                        .auroc = {0.5, std::nan("")}}};
  const absl::StatusOr<TaskCounts> back = CountsFromProto(CountsToProto(counts));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->samples, 3);
  ASSERT_TRUE(back->classification.has_value());
  EXPECT_FALSE(back->retrieval.has_value());
  EXPECT_EQ(back->classification->classes, 2);
  EXPECT_EQ(back->classification->right, 2);
  EXPECT_EQ(back->classification->loss_sum, 1.25);
  EXPECT_EQ(back->classification->confusion, counts.classification->confusion);
  EXPECT_EQ(back->classification->positives, counts.classification->positives);
  EXPECT_EQ(back->classification->negatives, counts.classification->negatives);
  EXPECT_EQ(back->classification->auroc[0], 0.5);
  EXPECT_TRUE(std::isnan(back->classification->auroc[1]));
}

TEST(CountsProtoTest, CountsOfRetrievalGoThereAndBack) {
  const TaskCounts counts{
      .samples = 9,
      .retrieval = RetrievalCounts{.i2t = {.queries = 4, .hits1 = 1, .hits5 = 2, .hits10 = 3},
                                   .t2i = {.queries = 9, .hits1 = 4, .hits5 = 5, .hits10 = 6},
                                   .images = 4,
                                   .captions = 9,
                                   .loss_sum = 2.5}};
  const absl::StatusOr<TaskCounts> back = CountsFromProto(CountsToProto(counts));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_TRUE(back->retrieval.has_value());
  EXPECT_EQ(CountsToProto(*back).SerializeAsString(), CountsToProto(counts).SerializeAsString());
  EXPECT_EQ(back->retrieval->t2i.hits10, 6);
  EXPECT_EQ(back->retrieval->captions, 9);
}

TEST(CountsProtoTest, WhatNoPeerMaySendIsRefused) {
  v1::TaskCounts proto;
  EXPECT_THAT(CountsFromProto(proto).status().message(), HasSubstr("neither or both"));
  proto.mutable_classification()->set_classes(2);
  EXPECT_TRUE(CountsFromProto(proto).ok());
  proto.mutable_classification()->add_confusion(std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(CountsFromProto(proto).status().message(), HasSubstr("counts.confusion"));
  proto.mutable_retrieval();
  EXPECT_THAT(CountsFromProto(proto).status().message(), HasSubstr("neither or both"));
  proto.clear_classification();
  proto.set_samples(uint64_t{1} << 63);
  EXPECT_THAT(CountsFromProto(proto).status().message(), HasSubstr("counts.samples"));
}

}  // namespace
}  // namespace tributary
