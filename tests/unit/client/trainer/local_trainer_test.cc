#include "client/trainer/local_trainer.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::atomic<bool> kNotCancelled(false);
constexpr char kWordTable[] = "embeddings.1.text_embeddings.word_embeddings.weight";

std::unique_ptr<LocalTrainer> MakeTrainer(const ModelSpec& spec, std::unique_ptr<Samples> samples) {
  auto trainer = LocalTrainer::Create(spec, std::move(samples), {});
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return *std::move(trainer);
}

LocalTask TinyTask(int epochs = 3) {
  LocalTask task{.round = 1, .seed = 1, .client = "site-1", .training = {}};
  task.training.epochs = epochs;
  task.training.batch = 4;
  task.training.learning_rate = 0.01;
  return task;
}

TrainingResult MustTrain(LocalTrainer* trainer, const StateDict& state, const LocalTask& task) {
  auto result = trainer->Train(state, task, nullptr, kNotCancelled);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

void ExpectSameBits(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(Manifest::Of(a), Manifest::Of(b));
  for (const auto& [name, tensor] : a) EXPECT_EQ(tensor.values, b.Find(name)->values) << name;
}

class EveryKind : public testing::TestWithParam<Modality> {};
INSTANTIATE_TEST_SUITE_P(LocalTrainerTest, EveryKind,
                         testing::Values(Modality::kImage, Modality::kText, Modality::kPair),
                         [](const auto& info) { return std::string(ModalityName(info.param)); });

TEST_P(EveryKind, LearnsAndUploadsThePlainTensorsInOrder) {
  ModelSpec spec = TinySpec();
  spec.drop_path = 0.1;
  // Three pairs, so that no two captions of a batch are the same.
  const int64_t count = GetParam() == Modality::kPair ? 3 : 12;
  const auto trainer = MakeTrainer(spec, TinySamples(GetParam(), count));
  const TrainingResult result = MustTrain(trainer.get(), TinyState(spec, GetParam()), TinyTask(20));
  EXPECT_EQ(Manifest::Of(result.upload), *ModelManifest(spec, GetParam(), TensorScope::kPlain));
  EXPECT_LT(result.last_loss, 0.5 * result.first_loss);
  EXPECT_EQ(result.steps, 20 * ((count + 3) / 4));
  EXPECT_GT(result.seconds, 0);
  EXPECT_GT(result.step_seconds, 0);
  EXPECT_GT(result.wait_seconds, 0);
  EXPECT_LE(result.wait_seconds + result.step_seconds, result.seconds);
}

TEST_P(EveryKind, GivesTheSameBitsAgain) {
  ModelSpec spec = TinySpec();
  spec.drop_path = 0.2;
  const StateDict state = TinyState(spec, GetParam());
  const auto first = MakeTrainer(spec, TinySamples(GetParam(), 10));
  const TrainingResult once = MustTrain(first.get(), state, TinyTask());
  const TrainingResult twice = MustTrain(first.get(), state, TinyTask());
  ExpectSameBits(once.upload, twice.upload);
  EXPECT_EQ(once.last_loss, twice.last_loss);
  const auto second = MakeTrainer(spec, TinySamples(GetParam(), 10));
  ExpectSameBits(once.upload, MustTrain(second.get(), state, TinyTask()).upload);
}

TEST(LocalTrainerTest, RoundSeedAndClientChangeTheOrderOfSamples) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kImage);
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kImage, 10));
  const auto weights = [&](const LocalTask& task) {
    return MustTrain(trainer.get(), state, task).upload.Find("norm.weight")->values;
  };
  LocalTask other_round = TinyTask(), other_seed = TinyTask(), other_client = TinyTask();
  other_round.round = 2;
  other_seed.seed = 2;
  other_client.client = "site-2";
  for (const LocalTask& task : {other_round, other_seed, other_client}) {
    EXPECT_NE(weights(task), weights(TinyTask()));
  }
}

// Claims that every word occurs, so that the whole table is trained.
class WholeTable : public MemorySamples {
 public:
  WholeTable() : MemorySamples(Modality::kText, {{}, TinyTokens(10), TinyLabels(10)}), all_(20) {
    std::iota(all_.begin(), all_.end(), 0);
  }
  const std::vector<int64_t>& word_rows() const override { return all_; }

 private:
  std::vector<int64_t> all_;
};

TEST(LocalTrainerTest, TrainingTheWordsThatOccurEqualsTrainingTheWholeTable) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kText);
  const auto brief = MakeTrainer(spec, TinySamples(Modality::kText, 10));
  const auto whole = MakeTrainer(spec, std::make_unique<WholeTable>());
  const TrainingResult result = MustTrain(brief.get(), state, TinyTask());
  ExpectSameBits(result.upload, MustTrain(whole.get(), state, TinyTask()).upload);
  const auto& before = state.Find(kWordTable)->values;
  const auto& after = result.upload.Find(kWordTable)->values;
  const auto row = [](const std::vector<float>& table, int64_t number) {
    return std::vector<float>(table.begin() + number * 8, table.begin() + number * 8 + 8);
  };
  EXPECT_EQ(row(after, 0), row(before, 0)) << "padding";
  EXPECT_NE(row(after, 3), row(before, 3)) << "a word that occurs";
  EXPECT_EQ(row(after, 19), row(before, 19)) << "a word that does not";
}

TEST(LocalTrainerTest, WeightDecayReachesWordsThatDoNotOccur) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kText);
  LocalTask task = TinyTask(1);
  task.training.weight_decay = 0.1;
  task.training.batch = 10;  // one step
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kText, 10));
  const StateDict upload = MustTrain(trainer.get(), state, task).upload;
  const size_t unused = 19 * 8;
  EXPECT_FLOAT_EQ(upload.Find(kWordTable)->values[unused],
                  state.Find(kWordTable)->values[unused] * (1 - 0.01F * 0.1F));
}

TEST(LocalTrainerTest, AuxiliaryWeightsHelpAndAreNotUploaded) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  const StateDict download =
      WithAuxiliary(spec, Modality::kImage, TinyState(spec, Modality::kImage));
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kImage, 10));
  LocalTask task = TinyTask();
  const StateDict trained = MustTrain(trainer.get(), download, task).upload;
  EXPECT_EQ(Manifest::Of(trained), *ModelManifest(spec, Modality::kImage, TensorScope::kPlain));
  task.training.aux_trained = false;
  const StateDict frozen = MustTrain(trainer.get(), download, task).upload;
  EXPECT_NE(trained.Find("blockses.0.0.mlp.fc1.weight")->values,
            frozen.Find("blockses.0.0.mlp.fc1.weight")->values);
}

TEST(LocalTrainerTest, TheProximalTermHoldsWeightsBack) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kImage);
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kImage, 10));
  const auto distance = [&](double mu) {
    LocalTask task = TinyTask(10);
    task.training.proximal_mu = mu;
    const StateDict upload = MustTrain(trainer.get(), state, task).upload;
    double sum = 0;
    for (const auto& [name, tensor] : upload) {
      const auto& start = state.Find(name)->values;
      for (size_t i = 0; i < start.size(); ++i) sum += std::pow(tensor.values[i] - start[i], 2);
    }
    return sum;
  };
  EXPECT_LT(distance(10), 0.5 * distance(0));
}

TEST(LocalTrainerTest, ReportsEachStep) {
  const auto trainer = MakeTrainer(TinySpec(), TinySamples(Modality::kImage, 10));
  std::vector<int64_t> steps;
  const auto result = trainer->Train(
      TinyState(TinySpec(), Modality::kImage), TinyTask(2),
      [&](int64_t step, int64_t all, double loss) {
        EXPECT_EQ(all, 6);
        EXPECT_TRUE(std::isfinite(loss));
        steps.push_back(step);
      },
      kNotCancelled);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(steps, (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(LocalTrainerTest, StopsAtTheNextStepWhenCancelled) {
  const auto trainer = MakeTrainer(TinySpec(), TinySamples(Modality::kImage, 10));
  std::atomic<bool> cancelled(false);
  int64_t done = 0;
  const auto result = trainer->Train(
      TinyState(TinySpec(), Modality::kImage), TinyTask(1000),
      [&](int64_t step, int64_t, double) {
        done = step;
        cancelled = step == 2;
      },
      cancelled);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(done, 2);
}

TEST(LocalTrainerTest, ALossThatIsNotFiniteNamesClientStepAndRate) {
  StateDict state = TinyState(TinySpec(), Modality::kImage);
  state.Find("norm.weight")->values[0] = std::numeric_limits<float>::quiet_NaN();
  const auto trainer = MakeTrainer(TinySpec(), TinySamples(Modality::kImage, 10));
  const auto result = trainer->Train(state, TinyTask(), nullptr, kNotCancelled);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(result.status().message()),
              AllOf(HasSubstr("site-1"), HasSubstr("step 1"), HasSubstr("learning rate 0.01")));
}

// Its third row cannot be read.
class Damaged : public MemorySamples {
 public:
  Damaged() : MemorySamples(Modality::kImage, {TinyImages(10), {}, TinyLabels(10)}) {}
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override {
    for (const int64_t row : rows) {
      if (row == 3) return absl::DataLossError("shard: block 3");
    }
    return MemorySamples::Gather(rows, augmentations, stream);
  }
};

TEST(LocalTrainerTest, PassesOnThatASampleCannotBeRead) {
  const auto trainer = MakeTrainer(TinySpec(), std::make_unique<Damaged>());
  const auto result =
      trainer->Train(TinyState(TinySpec(), Modality::kImage), TinyTask(), nullptr, kNotCancelled);
  EXPECT_EQ(result.status(), absl::DataLossError("shard: block 3"));
}

TEST(LocalTrainerTest, ALabelOutsideTheClassesIsAnErrorNotACrash) {
  ModelSpec spec = TinySpec();
  spec.classes = 2;  // the samples have three
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kImage, 10));
  const auto result =
      trainer->Train(TinyState(spec, Modality::kImage), TinyTask(), nullptr, kNotCancelled);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal) << result.status();
}

TEST(LocalTrainerTest, RefusesADownloadOfAnotherModel) {
  const auto trainer = MakeTrainer(TinySpec(), TinySamples(Modality::kImage, 10));
  const auto result =
      trainer->Train(TinyState(TinySpec(), Modality::kText), TinyTask(), nullptr, kNotCancelled);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("embeddings.0.pos_embed"));
}

TEST(LocalTrainerTest, RefusesSettingsThatTrainNothing) {
  const auto trainer = MakeTrainer(TinySpec(), TinySamples(Modality::kImage, 10));
  for (const LocalTraining& settings :
       {LocalTraining{.epochs = 0}, LocalTraining{.batch = 0}, LocalTraining{.learning_rate = 0},
        LocalTraining{.learning_rate = std::numeric_limits<double>::quiet_NaN()}}) {
    LocalTask task = TinyTask();
    task.training = settings;
    EXPECT_EQ(trainer->Train(TinyState(TinySpec(), Modality::kImage), task, nullptr, kNotCancelled)
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(LocalTrainerTest, RefusesSamplesThatDoNotFitTheModel) {
  const auto message = [](auto change, Modality modality) {
    ModelSpec spec = TinySpec();
    change(&spec);
    const auto trainer = LocalTrainer::Create(spec, TinySamples(modality, 4), {});
    EXPECT_EQ(trainer.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(trainer.status().message());
  };
  EXPECT_THAT(message([](ModelSpec* spec) { spec->image_size = 16; }, Modality::kImage),
              HasSubstr("3 x 8 x 8"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->max_tokens = 4; }, Modality::kText),
              HasSubstr("5 tokens"));
  EXPECT_THAT(message([](ModelSpec* spec) { spec->vocabulary_size = 7; }, Modality::kPair),
              HasSubstr("vocabulary has 7"));
  EXPECT_EQ(LocalTrainer::Create(TinySpec(), TinySamples(Modality::kImage, 0), {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(LocalTrainerTest, RefusesAnUnknownDeviceAndNoThreads) {
  EXPECT_EQ(LocalTrainer::Create(TinySpec(), TinySamples(Modality::kImage, 4), {.device = "tpu"})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LocalTrainer::Create(TinySpec(), TinySamples(Modality::kImage, 4), {.threads = 0})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(LocalTrainerTest, ATaskLeavesNoMemoryBehind) {
  ModelSpec spec = TinySpec();
  spec.dim = 64;
  const StateDict state = TinyState(spec, Modality::kPair);
  const auto trainer = MakeTrainer(spec, TinySamples(Modality::kPair, 10));
  MustTrain(trainer.get(), state, TinyTask());  // what LibTorch keeps for ever
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (int i = 0; i < 3; ++i) MustTrain(trainer.get(), state, TinyTask());
  const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  const auto weights = static_cast<size_t>(state.ElementCount()) * sizeof(float);
  EXPECT_LT(after, before + weights / 4);
}
#endif

}  // namespace
}  // namespace tributary
