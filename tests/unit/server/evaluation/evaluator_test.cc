#include "server/evaluation/evaluator.h"

#include <limits>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/transformer.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::unique_ptr<Evaluator> MakeEvaluator(const ModelSpec& spec, std::unique_ptr<Samples> samples,
                                         int64_t batch = 4) {
  std::map<std::string, HeldOutTask> tasks;
  tasks["tiny"] = {spec, std::move(samples)};
  auto evaluator = Evaluator::Create(std::move(tasks), {.threads = 1, .batch = batch});
  EXPECT_TRUE(evaluator.ok()) << evaluator.status();
  return *std::move(evaluator);
}

TEST(EvaluatorTest, CountsTheRightClasses) {
  const ModelSpec spec = TinySpec();
  // A head that says class 1, whatever the image is.
  StateDict state = TinyState(spec, Modality::kImage);
  *state.Find("heads.0.head.weight") = Tensor::Zeros({3, 8});
  *state.Find("heads.0.head.bias") = {.shape = {3}, .values = {0, 1, 0}};
  const auto metrics =
      MakeEvaluator(spec, TinySamples(Modality::kImage, 10))->Evaluate("tiny", state);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->samples, 10);
  ASSERT_TRUE(metrics->classification.has_value());
  EXPECT_FALSE(metrics->retrieval.has_value());
  EXPECT_DOUBLE_EQ(metrics->classification->accuracy, 30);  // labels 0, 1, 2, 0, ... 0
  EXPECT_DOUBLE_EQ(metrics->classification->chance_accuracy, 100.0 / 3);
}

TEST(EvaluatorTest, TheBatchSizeChangesNothing) {
  const ModelSpec spec = TinySpec();
  const StateDict text = TinyState(spec, Modality::kText), pair = TinyState(spec, Modality::kPair);
  for (const int64_t batch : {1, 3, 100}) {
    EXPECT_DOUBLE_EQ(MakeEvaluator(spec, TinySamples(Modality::kText, 10), batch)
                         ->Evaluate("tiny", text)
                         ->classification->accuracy,
                     MakeEvaluator(spec, TinySamples(Modality::kText, 10), 10)
                         ->Evaluate("tiny", text)
                         ->classification->accuracy);
    EXPECT_DOUBLE_EQ(MakeEvaluator(spec, TinySamples(Modality::kPair, 3), batch)
                         ->Evaluate("tiny", pair)
                         ->retrieval->R1Sum(),
                     MakeEvaluator(spec, TinySamples(Modality::kPair, 3), 3)
                         ->Evaluate("tiny", pair)
                         ->retrieval->R1Sum());
  }
}

TEST(EvaluatorTest, RetrievesOverEachImageOnce) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kPair);
  const std::vector<int64_t> image_of_row = {0, 0, 1, 2, 1, 0};
  const at::Tensor images = TinyImages(3), tokens = TinyTokens(6);
  const at::Tensor row_images = at::empty({6, 3, 8, 8});
  for (int64_t row = 0; row < 6; ++row)
    row_images[row].copy_(images[image_of_row.at(static_cast<size_t>(row))]);
  auto evaluator =
      MakeEvaluator(spec, std::make_unique<MemorySamples>(
                              Modality::kPair, Batch{row_images, tokens, {}}, image_of_row));
  const auto metrics = evaluator->Evaluate("tiny", state);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->retrieval->images, 3);
  EXPECT_EQ(metrics->retrieval->captions, 6);
  EXPECT_FALSE(metrics->retrieval->folded_r1_sum.has_value());

  const at::NoGradGuard no_gradients;
  const auto model = *Transformer::Create(spec, Modality::kPair, state, c10::kCPU);
  const auto rows = [](const at::Tensor& token) {
    const at::Tensor all = Transformer::Normalised(token).contiguous();
    return std::vector<float>(all.const_data_ptr<float>(),
                              all.const_data_ptr<float>() + all.numel());
  };
  const RetrievalMetrics expected = EvaluateRetrieval({.dim = 8,
                                                       .images = rows(model->ImageToken(images)),
                                                       .texts = rows(model->TextToken(tokens)),
                                                       .image_of_text = image_of_row});
  EXPECT_DOUBLE_EQ(metrics->retrieval->full.i2t.mean, expected.i2t.mean);
  EXPECT_DOUBLE_EQ(metrics->retrieval->full.t2i.mean, expected.t2i.mean);
}

TEST(EvaluatorTest, AuxiliaryWeightsOfAGlobalDoNotCount) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  const StateDict plain = TinyState(spec, Modality::kImage);
  auto evaluator = MakeEvaluator(spec, TinySamples(Modality::kImage, 10));
  const auto with = evaluator->Evaluate("tiny", WithAuxiliary(spec, Modality::kImage, plain));
  const auto without = evaluator->Evaluate("tiny", plain);
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_EQ(ToJson(*with), ToJson(*without));
}

TEST(EvaluatorTest, WeightsThatAreNotFiniteAreAnErrorNotAScore) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    StateDict state = TinyState(TinySpec(), modality);
    state.Find("norm.weight")->values[0] = std::numeric_limits<float>::quiet_NaN();
    const auto metrics =
        MakeEvaluator(TinySpec(), TinySamples(modality, 6))->Evaluate("tiny", state);
    EXPECT_EQ(metrics.status().code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(metrics.status().message()),
                AllOf(HasSubstr("dataset tiny"), HasSubstr("not finite")));
  }
}

TEST(EvaluatorTest, NamesADatasetThatItDoesNotKnow) {
  auto evaluator = MakeEvaluator(TinySpec(), TinySamples(Modality::kImage, 6));
  const auto metrics = evaluator->Evaluate("other", TinyState(TinySpec(), Modality::kImage));
  EXPECT_EQ(metrics.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(metrics.status().message()), HasSubstr("other"));
}

TEST(EvaluatorTest, RefusesAGlobalOfAnotherModel) {
  auto evaluator = MakeEvaluator(TinySpec(), TinySamples(Modality::kImage, 6));
  EXPECT_EQ(evaluator->Evaluate("tiny", TinyState(TinySpec(), Modality::kText)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(EvaluatorTest, RefusesAnEmptyTestSet) {
  std::map<std::string, HeldOutTask> tasks;
  tasks["tiny"] = {TinySpec(), TinySamples(Modality::kImage, 0)};
  const auto evaluator = Evaluator::Create(std::move(tasks), {});
  EXPECT_EQ(evaluator.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(evaluator.status().message()), HasSubstr("dataset tiny"));
}

TEST(EvaluatorTest, EvaluatesAllDatasetsThatHaveATest) {
  std::map<std::string, HeldOutTask> tasks;
  tasks["a"] = {TinySpec(), TinySamples(Modality::kImage, 6)};
  tasks["b"] = {TinySpec(), TinySamples(Modality::kPair, 3)};
  const auto evaluator = Evaluator::Create(std::move(tasks), {.threads = 1});
  ASSERT_TRUE(evaluator.ok()) << evaluator.status();
  const auto metrics = (*evaluator)
                           ->EvaluateAll({{"a", TinyState(TinySpec(), Modality::kImage)},
                                          {"b", TinyState(TinySpec(), Modality::kPair)},
                                          {"c", TinyState(TinySpec(), Modality::kText)}});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->size(), 2u);
  EXPECT_TRUE(metrics->at("a").classification.has_value());
  EXPECT_TRUE(metrics->at("b").retrieval.has_value());
}

}  // namespace
}  // namespace tributary
