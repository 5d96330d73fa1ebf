#include "client/trainer/public_pass.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/trainer/local_trainer.h"
#include "common/train/representations.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPublic = 5;  // samples of the public set
constexpr int64_t kDim = 8;
const std::vector<int64_t> kWholeTable;
using Matrix = std::vector<std::vector<double>>;

ModelSpec PublicSpec() {
  ModelSpec spec = TinySpec();
  spec.public_samples = kPublic;
  return spec;
}

// Rows of norm 1.
Tensor Features(uint64_t seed) {
  Tensor tensor = Tensor::Zeros({kPublic, kDim});
  RandomStream stream(seed, "features");
  for (int64_t row = 0; row < kPublic; ++row) {
    double norm = 0;
    std::vector<double> values;
    for (int64_t i = 0; i < kDim; ++i) {
      values.push_back(stream.Normal());
      norm += values.back() * values.back();
    }
    for (size_t i = 0; i < values.size(); ++i) {
      tensor.values[static_cast<size_t>(row * kDim) + i] =
          static_cast<float>(values[i] / std::sqrt(norm));
    }
  }
  return tensor;
}

// A download: the model, and the coordinator's features of the public set.
StateDict Download(Modality modality) {
  StateDict state = TinyState(PublicSpec(), modality);
  EXPECT_TRUE(state.Add(std::string(kPublicImages), Features(1)).ok());
  EXPECT_TRUE(state.Add(std::string(kPublicTexts), Features(2)).ok());
  return state;
}

Matrix Rows(const at::Tensor& matrix) {
  Matrix rows;
  for (int64_t i = 0; i < matrix.size(0); ++i) {
    rows.emplace_back();
    for (int64_t j = 0; j < matrix.size(1); ++j) {
      rows.back().push_back(matrix[i][j].item<double>());
    }
  }
  return rows;
}

Matrix Rows(const Tensor& tensor) {
  Matrix rows(static_cast<size_t>(kPublic));
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    rows[i / static_cast<size_t>(kDim)].push_back(tensor.values[i]);
  }
  return rows;
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// log sum exp of `scores` less the right one.
double Surprise(const std::vector<double>& scores, size_t right) {
  double total = 0;
  for (const double score : scores) total += std::exp(score);
  return std::log(total) - scores[right];
}

class PublicPassTest : public testing::TestWithParam<Modality> {
 protected:
  PublicPassTest() { settings_ = {.batch = 2, .temperature = 0.4, .weight = 3}; }

  std::unique_ptr<PublicPass> MustCreate() {
    auto pass =
        PublicPass::Create(*samples_, settings_, GetParam(), download_, kWholeTable, model_.get());
    EXPECT_TRUE(pass.ok()) << pass.status();
    return *std::move(pass);
  }
  absl::StatusOr<std::vector<double>> Losses(PublicPass* pass, double learning_rate) {
    AdamW optimizer(model_->Trained(true), learning_rate, 0);
    std::vector<double> losses;
    absl::Status status = pass->Run(&optimizer, [&](double loss) {
      losses.push_back(loss);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return losses;
  }
  bool Has(Modality part) const { return GetParam() == Modality::kPair || GetParam() == part; }
  // Of the model as it is, of rows [begin, end).
  Matrix Own(Modality part, int64_t begin, int64_t end) {
    std::vector<int64_t> rows;
    for (int64_t row = begin; row < end; ++row) rows.push_back(row);
    const at::NoGradGuard no_gradients;
    return Rows(FeaturesOf(*model_, *samples_->Gather(rows, {}, nullptr), part, kWholeTable));
  }
  // The first batch's loss as docs/algorithm.md section 4 has it. The model is as downloaded, so
  // that its features are the old ones.
  double FirstLoss() {
    double inter = 0, intra = 0, rows = 0;
    for (const Modality part : {Modality::kImage, Modality::kText}) {
      if (!Has(part)) continue;
      const bool image = part == Modality::kImage;
      const Matrix own = Own(part, 0, 2);
      const Matrix global = Rows(*download_.Find(image ? kPublicImages : kPublicTexts));
      const Matrix others = Rows(*download_.Find(image ? kPublicTexts : kPublicImages));
      double side = 0;
      for (size_t row = 0; row < own.size(); ++row) {
        std::vector<double> scores;
        for (const auto& other : others) {
          scores.push_back(Dot(own[row], other) / settings_.temperature);
        }
        side += Surprise(scores, row);
        intra += Surprise({Dot(own[row], global[row]) / settings_.temperature,
                           Dot(own[row], own[row]) / settings_.temperature},
                          0);
        ++rows;
      }
      inter += side / static_cast<double>(own.size());  // a sum over modalities
    }
    return (inter + intra / rows) * settings_.weight;  // a mean over all rows
  }

  ContrastTraining settings_;
  StateDict download_ = Download(GetParam());
  std::unique_ptr<Samples> samples_ = TinySamples(Modality::kPair, kPublic);
  std::unique_ptr<Transformer> model_ =
      *Transformer::Create(PublicSpec(), GetParam(), download_, c10::kCPU);
};
INSTANTIATE_TEST_SUITE_P(EveryKind, PublicPassTest,
                         testing::Values(Modality::kImage, Modality::kText, Modality::kPair),
                         [](const auto& info) { return std::string(ModalityName(info.param)); });

TEST_P(PublicPassTest, TheLossIsInterAndIntra) {
  const auto pass = MustCreate();
  const double expected = FirstLoss();
  const auto losses = Losses(pass.get(), 0);
  ASSERT_TRUE(losses.ok()) << losses.status();
  EXPECT_NEAR(losses->front(), expected, 1e-4);
}

TEST_P(PublicPassTest, APassGoesOnceThroughTheSet) {
  const auto pass = MustCreate();
  EXPECT_EQ(pass->steps(), 3) << "5 samples in batches of 2";
  EXPECT_EQ(Losses(pass.get(), 0.01)->size(), 3u);
  settings_.batch = 5;
  EXPECT_EQ(MustCreate()->steps(), 1);
  settings_.batch = 100;
  EXPECT_EQ(MustCreate()->steps(), 1);
}

TEST_P(PublicPassTest, ItTrainsTheModel) {
  const auto pass = MustCreate();
  const double before = FirstLoss();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Losses(pass.get(), 0.01).ok());
  EXPECT_LT(Losses(pass.get(), 0)->front(), 0.8 * before);
}

TEST_P(PublicPassTest, AnErrorAfterAStepEndsThePass) {
  const auto pass = MustCreate();
  AdamW optimizer(model_->Trained(true), 0.01, 0);
  int steps = 0;
  EXPECT_EQ(pass->Run(&optimizer,
                      [&](double) {
                        ++steps;
                        return absl::CancelledError("enough");
                      }),
            absl::CancelledError("enough"));
  EXPECT_EQ(steps, 1);
}

TEST_P(PublicPassTest, FeaturesAreThoseOfTheModelAsItIs) {
  if (GetParam() == Modality::kPair) GTEST_SKIP() << "a pair's features are not uploaded";
  const auto pass = MustCreate();
  ASSERT_TRUE(Losses(pass.get(), 0.01).ok());
  const auto features = pass->Features();
  ASSERT_TRUE(features.ok()) << features.status();
  const Matrix expected = Own(GetParam(), 0, kPublic), found = Rows(*features);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t row = 0; row < found.size(); ++row) {
    EXPECT_NEAR(Dot(found[row], expected[row]), 1, 1e-5) << "the same, and of norm 1";
  }
}

TEST_P(PublicPassTest, FeaturesThatWereNotDownloadedAreNamed) {
  StateDict without = TinyState(PublicSpec(), GetParam());
  ASSERT_TRUE(without.Add(std::string(kPublicImages), Features(1)).ok());
  download_ = without;
  auto status =
      PublicPass::Create(*samples_, settings_, GetParam(), download_, kWholeTable, model_.get())
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("public.texts is missing"));
}

TEST_P(PublicPassTest, FeaturesOfAnotherPublicSetAreRefused) {
  for (const Shape& shape : {Shape{kPublic - 1, kDim}, Shape{kPublic * kDim}}) {
    download_ = TinyState(PublicSpec(), GetParam());
    ASSERT_TRUE(download_.Add(std::string(kPublicImages), Tensor::Zeros(shape)).ok());
    ASSERT_TRUE(download_.Add(std::string(kPublicTexts), Features(2)).ok());
    const absl::Status status =
        PublicPass::Create(*samples_, settings_, GetParam(), download_, kWholeTable, model_.get())
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("has shape " + ShapeToString(shape) + "; expected 5 rows"));
  }
}

// The same within a whole round.
class PublicRoundTest : public testing::Test {
 protected:
  static LocalTask Task() {
    LocalTask task;
    task.client = "site-1";
    task.training.epochs = 2;
    task.training.batch = 4;
    task.training.learning_rate = 0.01;
    task.training.contrast = ContrastTraining{.batch = 2, .temperature = 0.5, .weight = 1};
    return task;
  }
  static std::unique_ptr<LocalTrainer> Trainer(Modality modality) {
    // Three pairs, so that no two captions of a batch are the same.
    auto trainer = LocalTrainer::Create(PublicSpec(),
                                        TinySamples(modality, modality == Modality::kPair ? 3 : 6),
                                        {}, TinySamples(Modality::kPair, kPublic));
    EXPECT_TRUE(trainer.ok()) << trainer.status();
    return *std::move(trainer);
  }

  std::atomic<bool> cancelled_ = false;
};

TEST_F(PublicRoundTest, StepsOverThePublicSetFollowEachEpoch) {
  const auto trainer = Trainer(Modality::kImage);
  int64_t all = 0;
  const auto result = trainer->Train(
      Download(Modality::kImage), Task(), [&](int64_t, int64_t steps, double) { all = steps; },
      cancelled_);
  ASSERT_TRUE(result.ok()) << result.status();
  // Two batches of the client's own, three of the public set, twice.
  EXPECT_EQ(result->steps, 10);
  EXPECT_EQ(all, 10);
}

TEST_F(PublicRoundTest, UniModalClientsUploadTheirFeatures) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kPair}) {
    const auto result = Trainer(modality)->Train(Download(modality), Task(), nullptr, cancelled_);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Manifest::Of(result->upload),
              *ModelManifest(PublicSpec(), modality, TensorScope::kUpload));
    const Tensor* features = result->upload.Find(kPublicFeatures);
    EXPECT_EQ(features != nullptr, modality != Modality::kPair);
  }
}

TEST_F(PublicRoundTest, TheClientsOwnLossIsWhatIsReported) {
  const auto trainer = Trainer(Modality::kImage);
  std::vector<double> losses;
  LocalTask task = Task();
  task.training.epochs = 1;
  const auto result = trainer->Train(
      Download(Modality::kImage), task,
      [&](int64_t, int64_t, double loss) { losses.push_back(loss); }, cancelled_);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(losses.size(), 5u);
  EXPECT_NEAR(result->last_loss, (4 * losses[0] + 2 * losses[1]) / 6, 1e-6);
}

TEST_F(PublicRoundTest, CancellingEndsThePassOverThePublicSet) {
  const auto trainer = Trainer(Modality::kImage);
  int64_t last = 0;
  const auto result = trainer->Train(
      Download(Modality::kImage), Task(),
      [&](int64_t step, int64_t, double) {
        last = step;
        cancelled_ = step == 4;  // the second of the public set
      },
      cancelled_);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(last, 4);
}

TEST_F(PublicRoundTest, ALossThatIsNotFiniteIsAnErrorInThatPassToo) {
  StateDict download = Download(Modality::kImage);
  download.Find(kPublicTexts)->values[3] = std::numeric_limits<float>::quiet_NaN();
  const auto result = Trainer(Modality::kImage)->Train(download, Task(), nullptr, cancelled_);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("step 3"));
}

TEST_F(PublicRoundTest, APublicSetOfAnotherSizeIsRefused) {
  const auto status = [](std::unique_ptr<Samples> set) {
    return LocalTrainer::Create(PublicSpec(), TinySamples(Modality::kImage, 4), {}, std::move(set))
        .status();
  };
  for (const absl::Status& refused : {status(nullptr), status(TinySamples(Modality::kPair, 4))}) {
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("give it with --public"));
  }
}

TEST_F(PublicRoundTest, WithoutAContrastThePublicSetIsNotUsed) {
  LocalTask task = Task();
  task.training.contrast.reset();
  const auto result =
      Trainer(Modality::kImage)->Train(Download(Modality::kImage), task, nullptr, cancelled_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->steps, 4);
  EXPECT_EQ(result->upload.Find(kPublicFeatures), nullptr);
}

}  // namespace
}  // namespace tributary
