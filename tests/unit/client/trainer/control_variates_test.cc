// The algebra beside an implementation of its own: tests/integration/method_reference_test.py.
#include "client/trainer/control_variates.h"

#include <atomic>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/trainer/local_trainer.h"
#include "common/model/torch_state.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr char kWordTable[] = "embeddings.1.text_embeddings.word_embeddings.weight";

ModelSpec ControlSpec(ComplementaryLayers layers = ComplementaryLayers::kNone) {
  ModelSpec spec = TinySpec(layers);
  spec.control_variates = true;
  return spec;
}

// Control variates of all plain parameters, each value `value`.
StateDict Controls(const ModelSpec& spec, Modality modality, float value) {
  StateDict state;
  const Manifest plain = *ModelManifest(spec, modality, TensorScope::kPlain);
  for (const TensorSpec& tensor : plain.tensors) {
    Tensor control = Tensor::Zeros(tensor.shape);
    std::fill(control.values.begin(), control.values.end(), value);
    EXPECT_TRUE(state.Add(ControlOf(tensor.name), std::move(control)).ok());
  }
  return state;
}

// A model and the control variates that it downloads.
StateDict DownloadOf(const ModelSpec& spec, Modality modality, float control) {
  StateDict download =
      spec.complementary == ComplementaryLayers::kNone
          ? TinyState(spec, modality)
          : WithAuxiliary(TinySpec(spec.complementary), modality, TinyState(spec, modality));
  for (auto& [name, tensor] : Controls(spec, modality, control)) {
    EXPECT_TRUE(download.Add(name, tensor).ok());
  }
  return download;
}

TrainingResult Train(const ModelSpec& spec, Modality modality, const StateDict& download,
                     const StateDict& own = {}, const LocalTraining* settings = nullptr) {
  auto trainer = LocalTrainer::Create(spec, TinySamples(modality, 10), {});
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  LocalTask task{.round = 1, .seed = 1, .client = "site-1", .training = {}};
  if (settings != nullptr) {
    task.training = *settings;
  } else {
    task.training.epochs = 2;
    task.training.batch = 4;
    task.training.learning_rate = 0.01;
  }
  auto result = (*trainer)->Train(download, task, nullptr, std::atomic<bool>(false), own);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

class ControlVariatesTest : public testing::Test {
 protected:
  ControlVariatesTest() {
    model_ = *Transformer::Create(spec_, Modality::kImage, TinyState(spec_, Modality::kImage),
                                  c10::DeviceType::CPU);
  }
  void SetGradients(float value) {
    for (const auto& [name, tensor] : model_->parameters()) {
      tensor.mutable_grad() = at::full_like(tensor.detach(), value);
    }
  }
  float Gradient() const {
    return model_->parameters()[0].tensor.grad().flatten()[3].item<float>();
  }

  const ModelSpec spec_ = ControlSpec();
  std::unique_ptr<Transformer> model_;
};

TEST_F(ControlVariatesTest, CorrectGradientsAndRememberTheMeanOfTheUncorrectedOnes) {
  const auto control = ControlVariates::Create(Controls(spec_, Modality::kImage, 5),
                                               Controls(spec_, Modality::kImage, 2), *model_);
  ASSERT_TRUE(control.ok()) << control.status();
  SetGradients(1);
  (*control)->Correct();
  EXPECT_EQ(Gradient(), 1 + 5 - 2);
  SetGradients(4);
  (*control)->Correct();
  EXPECT_EQ(Gradient(), 4 + 5 - 2);
  const ControlVariates::Result result = (*control)->Finish();
  EXPECT_EQ(Manifest::Of(result.own), Manifest::Of(Controls(spec_, Modality::kImage, 0)));
  EXPECT_EQ(result.own[0].tensor.values[3], 2.5F);
  EXPECT_EQ(result.change[0].tensor.values[3], 0.5F);
}

TEST_F(ControlVariatesTest, AParameterWithoutAGradientHasOneOfZero) {
  const auto control = ControlVariates::Create(Controls(spec_, Modality::kImage, 5), {}, *model_);
  ASSERT_TRUE(control.ok()) << control.status();
  SetGradients(4);
  (*control)->Correct();
  for (const auto& [name, tensor] : model_->parameters()) tensor.mutable_grad() = at::Tensor();
  (*control)->Correct();
  EXPECT_EQ(Gradient(), 5);
  EXPECT_EQ((*control)->Finish().own[0].tensor.values[3], 2);
}

TEST_F(ControlVariatesTest, ThoseOfAnotherModelAreRefused) {
  StateDict downloaded = Controls(spec_, Modality::kImage, 5);
  const auto missing = ControlVariates::Create(TinyState(spec_, Modality::kImage), {}, *model_);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("is missing"));
  StateDict own = downloaded;
  own[0].tensor = Tensor::Zeros({1, 2});
  const auto misshapen = ControlVariates::Create(downloaded, own, *model_);
  EXPECT_EQ(misshapen.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(misshapen.status().message()), HasSubstr("[1, 2]"));
}

class ControlledTraining : public testing::TestWithParam<Modality> {};
INSTANTIATE_TEST_SUITE_P(ControlVariatesTest, ControlledTraining,
                         testing::Values(Modality::kImage, Modality::kText, Modality::kPair),
                         [](const auto& info) { return std::string(ModalityName(info.param)); });

TEST_P(ControlledTraining, UploadsWhatTheManifestSays) {
  const ModelSpec spec = ControlSpec(ComplementaryLayers::kAll);
  const TrainingResult result = Train(spec, GetParam(), DownloadOf(spec, GetParam(), 0));
  EXPECT_EQ(Manifest::Of(result.upload), *ModelManifest(spec, GetParam(), TensorScope::kUpload));
  for (const auto& [name, tensor] : result.method_state) {
    EXPECT_EQ(result.upload.Find(name)->values, tensor.values) << name << " started at 0";
  }
}

// c and c_k equal: the correction is 0, as if there were none.
TEST_P(ControlledTraining, EqualControlVariatesChangeNothing) {
  const ModelSpec spec = ControlSpec();
  const StateDict own = Controls(spec, GetParam(), 0.5);
  const TrainingResult with = Train(spec, GetParam(), DownloadOf(spec, GetParam(), 0.5), own);
  const TrainingResult without = Train(TinySpec(), GetParam(), TinyState(TinySpec(), GetParam()));
  EXPECT_TRUE(without.method_state.empty());
  for (const auto& [name, tensor] : without.upload) {
    EXPECT_EQ(with.upload.Find(name)->values, tensor.values) << name;
  }
  EXPECT_EQ(with.last_loss, without.last_loss);
}

TEST_P(ControlledTraining, ACorrectionMovesTheWeights) {
  const ModelSpec spec = ControlSpec();
  const TrainingResult with = Train(spec, GetParam(), DownloadOf(spec, GetParam(), 0.5));
  const TrainingResult without = Train(spec, GetParam(), DownloadOf(spec, GetParam(), 0));
  EXPECT_NE(with.upload.Find("norm.weight")->values, without.upload.Find("norm.weight")->values);
}

// Rows of words that this client does not have move along c: other clients have them.
TEST(ControlVariatesTrainingTest, ReachWordsThatDoNotOccur) {
  const ModelSpec spec = ControlSpec();
  const StateDict download = DownloadOf(spec, Modality::kText, 0.5);
  const TrainingResult result = Train(spec, Modality::kText, download);
  const size_t unused = 19 * 8;
  EXPECT_LT(result.upload.Find(kWordTable)->values[unused],
            download.Find(kWordTable)->values[unused]);
  EXPECT_EQ(result.method_state.Find(ControlOf(kWordTable))->values[unused], 0)
      << "its gradient is 0";
}

// One step: the mean of the gradients is the first moment of AdamW's first step. A norm's gradient
// clipped to almost nothing leaves c_k as it is.
TEST(ControlVariatesTrainingTest, ClippingComesAfterTheCorrection) {
  const ModelSpec spec = ControlSpec();
  const StateDict download = DownloadOf(spec, Modality::kImage, 0);
  LocalTraining settings;
  settings.epochs = 1;
  settings.batch = 10;
  settings.learning_rate = 0.01;
  const TrainingResult plain = Train(spec, Modality::kImage, download, {}, &settings);
  settings.clip_norm = 1e-6;
  const TrainingResult clipped = Train(spec, Modality::kImage, download, {}, &settings);
  for (const auto& [name, tensor] : plain.method_state) {
    EXPECT_EQ(clipped.method_state.Find(name)->values, tensor.values) << name;
  }
}

}  // namespace
}  // namespace tributary
