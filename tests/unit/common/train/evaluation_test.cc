#include "common/train/evaluation.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/transformer.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// A head that says class 1, whatever the image is, with probabilities of e : 1 over the others.
std::unique_ptr<Transformer> AlwaysOne(const ModelSpec& spec) {
  StateDict state = TinyState(spec, Modality::kImage);
  *state.Find("heads.0.head.weight") = Tensor::Zeros({3, 8});
  *state.Find("heads.0.head.bias") = {.shape = {3}, .values = {0, 1, 0}};
  return *Transformer::Create(spec, Modality::kImage, state, c10::kCPU);
}

TEST(EvaluationTest, CountsClassesAndLoss) {
  const ModelSpec spec = TinySpec();
  const auto counts = CountTask(spec, *AlwaysOne(spec), *TinySamples(Modality::kImage, 10), 4);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_TRUE(CheckCounts(*counts, 3).ok()) << CheckCounts(*counts, 3);
  EXPECT_EQ(counts->samples, 10);
  EXPECT_FALSE(counts->retrieval.has_value());
  // Labels 0, 1, 2, 0, ... 0: four, three and three.
  EXPECT_EQ(counts->classification->confusion, (std::vector<int64_t>{0, 4, 0, 0, 3, 0, 0, 3, 0}));
  EXPECT_NEAR(counts->classification->loss_sum, 10 * std::log(std::exp(1) + 2) - 3, 1e-5);
  for (const double auroc : counts->classification->auroc) EXPECT_DOUBLE_EQ(auroc, 0.5);
}

TEST(EvaluationTest, TheBatchSizeChangesNoCount) {
  const ModelSpec spec = TinySpec();
  for (const Modality modality : {Modality::kText, Modality::kPair}) {
    const auto model = *Transformer::Create(spec, modality, TinyState(spec, modality), c10::kCPU);
    const auto samples = TinySamples(modality, 9);
    const auto one = CountTask(spec, *model, *samples, 1),
               all = CountTask(spec, *model, *samples, 9);
    ASSERT_TRUE(one.ok() && all.ok());
    if (modality == Modality::kText) {
      EXPECT_EQ(one->classification->confusion, all->classification->confusion);
      EXPECT_NEAR(one->classification->loss_sum, all->classification->loss_sum, 1e-4);
    } else {
      EXPECT_TRUE(CheckCounts(*all, 0).ok()) << CheckCounts(*all, 0);
      EXPECT_EQ(one->retrieval->i2t.hits5, all->retrieval->i2t.hits5);
      EXPECT_NEAR(one->retrieval->loss_sum, all->retrieval->loss_sum, 1e-4);
    }
  }
}

TEST(EvaluationTest, SamplesOfOtherClassesAndNoSamplesAreErrors) {
  ModelSpec spec = TinySpec();
  const auto model = AlwaysOne(spec);
  spec.classes = 2;  // of three that occur
  const auto unknown = CountTask(spec, *model, *TinySamples(Modality::kImage, 10), 4);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("label 2"));
  const auto none = CountTask(TinySpec(), *model, *TinySamples(Modality::kImage, 0), 4);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tributary
