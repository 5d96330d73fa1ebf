#include "client/trainer/objective.h"

#include <cmath>
#include <memory>
#include <vector>

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "common/train/losses.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

constexpr int64_t kCount = 5;

std::unique_ptr<Transformer> ModelOf(Modality modality) {
  return *Transformer::Create(TinySpec(), modality, TinyState(TinySpec(), modality), c10::kCPU);
}

Batch BatchOf(Modality modality) {
  std::vector<int64_t> rows = {0, 1, 2, 3, 4};
  return *TinySamples(modality, kCount)->Gather(rows, {}, nullptr);
}

// -mean over rows of the logarithm of softmax(scores)[right], in doubles.
double CrossEntropy(const std::vector<std::vector<double>>& scores,
                    const std::vector<size_t>& right) {
  double sum = 0;
  for (size_t row = 0; row < scores.size(); ++row) {
    double total = 0;
    for (const double score : scores[row]) total += std::exp(score);
    sum += std::log(total) - scores[row][right[row]];
  }
  return sum / static_cast<double>(scores.size());
}

std::vector<std::vector<double>> Rows(const at::Tensor& matrix) {
  std::vector<std::vector<double>> rows;
  for (int64_t i = 0; i < matrix.size(0); ++i) {
    rows.emplace_back();
    for (int64_t j = 0; j < matrix.size(1); ++j) {
      rows.back().push_back(matrix[i][j].item<double>());
    }
  }
  return rows;
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

TEST(ObjectiveTest, ClassesAreScoredByCrossEntropy) {
  for (const Modality modality : {Modality::kImage, Modality::kText}) {
    const auto model = ModelOf(modality);
    const Batch batch = BatchOf(modality);
    const at::Tensor token = modality == Modality::kImage ? model->ImageToken(batch.images)
                                                          : model->TextToken(batch.tokens);
    const double expected = CrossEntropy(Rows(model->Logits(token)), {0, 1, 2, 0, 1});
    const auto objective = MakeObjective(modality, {}, c10::kCPU);
    EXPECT_NEAR(objective->Loss(*model, batch).item<double>(), expected, 1e-5);
    EXPECT_TRUE(objective->Parameters().empty());
  }
}

TEST(ObjectiveTest, PairsAreToldApartInBothDirections) {
  const auto model = ModelOf(Modality::kPair);
  const Batch batch = BatchOf(Modality::kPair);
  const auto images = Rows(Transformer::Normalised(model->ImageToken(batch.images)));
  const auto texts = Rows(Transformer::Normalised(model->TextToken(batch.tokens)));
  std::vector<std::vector<double>> to_text, to_image;
  for (const auto& image : images) {
    to_text.emplace_back();
    for (const auto& text : texts) to_text.back().push_back(Dot(image, text) / 0.07);
  }
  for (const auto& text : texts) {
    to_image.emplace_back();
    for (const auto& image : images) to_image.back().push_back(Dot(image, text) / 0.07);
  }
  const std::vector<size_t> right = {0, 1, 2, 3, 4};
  const double expected = (CrossEntropy(to_text, right) + CrossEntropy(to_image, right)) / 2;
  const auto objective = MakePairObjective(/*learn_scale=*/true, c10::kCPU);
  EXPECT_NEAR(objective->Loss(*model, batch).item<double>(), expected, 1e-4);
}

TEST(ObjectiveTest, TheScaleIsAParameterOnlyWhereItIsLearned) {
  for (const bool learned : {true, false}) {
    LocalTraining training;
    training.learn_scale = learned;
    const auto objective = MakeObjective(Modality::kPair, training, c10::kCPU);
    const std::vector<at::Tensor> parameters = objective->Parameters();
    ASSERT_EQ(parameters.size(), learned ? 1u : 0u);
    if (!learned) continue;
    EXPECT_TRUE(parameters[0].requires_grad());
    EXPECT_NEAR(parameters[0].item<double>(), std::log(1 / 0.07), 1e-6);
    EXPECT_TRUE(objective->Parameters()[0].is_same(parameters[0])) << "the same each time";
  }
}

TEST(ObjectiveTest, EveryLossReachesTheModelAndWhatIsLearnedBesides) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    const auto model = ModelOf(modality);
    const auto objective = MakeObjective(modality, {}, c10::kCPU);
    objective->Loss(*model, BatchOf(modality)).backward();
    for (const auto& parameter : model->parameters()) {
      EXPECT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    }
    for (const at::Tensor& parameter : objective->Parameters()) {
      EXPECT_NE(parameter.grad().item<double>(), 0);
    }
  }
}

TEST(ObjectiveTest, AScaleThatStaysGetsNoGradient) {
  const auto model = ModelOf(Modality::kPair);
  const auto objective = MakePairObjective(/*learn_scale=*/false, c10::kCPU);
  const at::Tensor loss = objective->Loss(*model, BatchOf(Modality::kPair));
  loss.backward();
  EXPECT_NEAR(
      loss.item<double>(),
      MakePairObjective(true, c10::kCPU)->Loss(*model, BatchOf(Modality::kPair)).item<double>(),
      1e-6)
      << "both begin with the same scale";
}

}  // namespace
}  // namespace tributary
