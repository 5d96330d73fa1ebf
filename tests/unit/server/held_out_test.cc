#include "server/held_out.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/config/method_card.h"
#include "common/train/samples.h"
#include "preparation/shards/shard_writer.h"
#include "server/initial_models.h"
#include "server/model_cards.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HeldOutTest : public testing::Test {
 protected:
  HeldOutTest() {
    for (DatasetConfig& dataset : config_.datasets) {
      dataset.path = scratch_ / dataset.name;
      WriteShard(TestShard(dataset.name), dataset.name, dataset.modality);
    }
  }

  std::string TestShard(const std::string& dataset) const {
    return scratch_ / (dataset + "/test/test.shard");
  }
  // Twelve rows; `change`: of what the shard says.
  static void WriteShard(const std::string& path, const std::string& dataset, Modality modality,
                         const std::function<void(ShardInfo*)>& change = nullptr) {
    ASSERT_TRUE(EnsureWritableFolder(path.substr(0, path.rfind('/'))).ok());
    ShardInfo info;
    info.dataset = dataset;
    info.modality = modality;
    info.part = "test";
    if (modality != Modality::kText) {
      info.image_size = 8;
      info.channels = 3;
      info.mean = info.deviation = {0.5F, 0.5F, 0.5F};
    }
    if (modality != Modality::kPair) info.classes = {"a", "b", "c"};
    if (change) change(&info);
    ShardWriter writer(path, info);
    const auto bytes = static_cast<size_t>(info.image_size * info.image_size * info.channels);
    for (int row = 0; row < 12; ++row) {
      const std::vector<uint8_t> image(bytes, static_cast<uint8_t>(20 * row));
      const int64_t number = info.modality == Modality::kText ? 0 : writer.AddImage(image);
      writer.AddRow(number, row % 3, absl::StrCat("a dog and ", row));
    }
    ASSERT_TRUE(writer.Finish().ok());
  }
  static void FlipByte(const std::string& path) {
    std::string bytes = *ReadFile(path);
    bytes[100] = static_cast<char>(bytes[100] ^ 1);  // of the first column
    ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  }
  // From now on the run's method needs a public set.
  void UsePublicSet() {
    config_.method = &method_;
    WriteShard(scratch_ / "public/train.shard", "open", Modality::kPair);
  }
  HeldOut MustOpen() const {
    auto held_out = OpenHeldOut(config_);
    EXPECT_TRUE(held_out.ok()) << held_out.status();
    return *std::move(held_out);
  }
  void ExpectRefused(absl::StatusCode code, const std::string& a, const std::string& b) const {
    const absl::Status status = OpenHeldOut(config_).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(a), HasSubstr(b)));
  }

  const ScratchFolder scratch_;
  PublicSetConfig public_ = {.key = "method.public",
                             .samples_key = "method.samples",
                             .folder = scratch_ / "public",
                             .samples = 5,
                             .pair_clients = true};
  const MethodCard method_ = {.word = "method",
                              .shares = "",
                              .adds = "",
                              .costs = "",
                              .public_set = [this](const RunConfig&) { return public_; }};
  RunConfig config_ = TinyConfig();
};

TEST_F(HeldOutTest, OpensTheTestOfEveryDatasetAndTheVocabularyThatShips) {
  const HeldOut held_out = MustOpen();
  EXPECT_EQ(held_out.shards.size(), 2u);
  EXPECT_EQ(held_out.shards.at("words")->info().rows, 12);
  EXPECT_EQ(held_out.tokenizer->size(), 30522);
  EXPECT_EQ(held_out.public_set, nullptr);
}

TEST_F(HeldOutTest, CardsOfTheModelsSayWhatTheirDataAre) {
  const HeldOut held_out = MustOpen();
  const auto context = ContextOf(config_, held_out);
  ASSERT_TRUE(context.ok()) << context.status();
  ASSERT_TRUE(WriteModelCards(scratch_ / "", *context).ok());
  const auto text = ReadFile(scratch_ / "models.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto cards = nlohmann::json::parse(*text);
  EXPECT_EQ(cards.at("pictures").at("modality"), "image");
  EXPECT_EQ(cards.at("pictures").at("mean"), "[0.5,0.5,0.5]");
  EXPECT_EQ(cards.at("words").at("class_names"), R"(["a","b","c"])");
  EXPECT_EQ(cards.at("words").at("classes"), "3");
  EXPECT_FALSE(cards.at("words").contains("mean"));
}

TEST_F(HeldOutTest, ATestThatIsMissingIsNamedWithItsDataset) {
  config_.datasets[1].path = scratch_ / "nowhere";
  ExpectRefused(absl::StatusCode::kNotFound, "dataset words", "nowhere/test/test.shard");
}

TEST_F(HeldOutTest, AFileThatIsNoShardIsDataLoss) {
  ASSERT_TRUE(WriteFileAtomically(TestShard("pictures"), std::string(1000, 'x')).ok());
  ExpectRefused(absl::StatusCode::kDataLoss, "dataset pictures", "test.shard");
}

TEST_F(HeldOutTest, AShardOfAnotherKindDoesNotFit) {
  WriteShard(TestShard("words"), "words", Modality::kImage);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "dataset words",
                "modality image, the run file says text");
}

TEST_F(HeldOutTest, AShardOfAnotherDatasetDoesNotFit) {
  WriteShard(TestShard("words"), "letters", Modality::kText);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "dataset words",
                "dataset letters, the run file says words");
}

TEST_F(HeldOutTest, ImagesOfAnotherSizeDoNotFitAndTextsHaveNone) {
  config_.model.spec.image_size = 16;
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "dataset pictures",
                "image size 8, the run file says 16");
  config_.datasets.erase(config_.datasets.begin());
  EXPECT_TRUE(OpenHeldOut(config_).ok());
}

TEST_F(HeldOutTest, AVocabularyThatIsMissingIsNamed) {
  config_.model.vocabulary = scratch_ / "vocabulary.txt";
  ExpectRefused(absl::StatusCode::kNotFound, "vocabulary.txt", "");
}

TEST_F(HeldOutTest, ThePublicSetIsOpenedForItsMethodOnly) {
  UsePublicSet();
  EXPECT_NE(MustOpen().public_set, nullptr);
  config_.method = TinyConfig().method;
  EXPECT_EQ(MustOpen().public_set, nullptr);
}

TEST_F(HeldOutTest, APublicSetThatIsMissingOrDoesNotFitIsNamedByItsKey) {
  UsePublicSet();
  public_.folder = scratch_ / "nowhere";
  ExpectRefused(absl::StatusCode::kNotFound, "method.public", "nowhere/train.shard");
  public_.folder = scratch_ / "public";
  WriteShard(scratch_ / "public/train.shard", "open", Modality::kPair,
             [](ShardInfo* info) { info->image_size = 4; });
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "method.public",
                "image size 4, the run file says 8");
}

TEST_F(HeldOutTest, TheContextKnowsWhatTheDataAre) {
  const auto context = ContextOf(config_, MustOpen());
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->datasets.at("words").spec.classes, 3);
  EXPECT_EQ(context->datasets.at("words").spec.vocabulary_size, 30522);
  EXPECT_EQ(context->vocabulary_digest, MustOpen().tokenizer->digest());
  EXPECT_EQ(context->public_set.samples, 0);
}

TEST_F(HeldOutTest, TheContextKnowsThePublicSet) {
  UsePublicSet();
  const HeldOut held_out = MustOpen();
  const auto context = ContextOf(config_, held_out);
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->public_set.digest, held_out.public_set->digest());
  EXPECT_EQ(context->public_set.samples, 5) << "as the run file has it, not all that there are";
  EXPECT_EQ(context->datasets.at("words").spec.public_samples, 5);
}

TEST_F(HeldOutTest, SamplesOfThePublicSetAreTheFirst) {
  EXPECT_EQ(*MakePublicSet(config_, MustOpen()), nullptr);
  UsePublicSet();
  const auto samples = MakePublicSet(config_, MustOpen());
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_EQ((*samples)->count(), 5);
  public_.samples = 13;
  const absl::Status status = MakePublicSet(config_, MustOpen()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("method.public"));
}

TEST_F(HeldOutTest, ADamagedPublicSetIsFoundWhenItIsRead) {
  UsePublicSet();
  FlipByte(scratch_ / "public/train.shard");
  EXPECT_EQ(MakePublicSet(config_, MustOpen()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(HeldOutTest, GlobalsAreEvaluatedOnTheData) {
  const HeldOut held_out = MustOpen();
  const RunContext context = *ContextOf(config_, held_out);
  auto evaluator = MakeEvaluator(context, held_out);
  ASSERT_TRUE(evaluator.ok()) << evaluator.status();
  const auto metrics = (*evaluator)->EvaluateAll(MakeInitialModels(context)->globals);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  for (const char* dataset : {"pictures", "words"}) {
    const TaskMetrics& task = metrics->at(dataset);
    EXPECT_EQ(task.samples, 12) << dataset;
    ASSERT_TRUE(task.classification.has_value()) << dataset;
    EXPECT_NEAR(task.classification->chance_accuracy, 100.0 / 3, 1e-9);
  }
}

TEST_F(HeldOutTest, ADamagedTestIsFoundBeforeAnyClientMayJoin) {
  FlipByte(TestShard("pictures"));
  const HeldOut held_out = MustOpen();
  const RunContext context = *ContextOf(config_, held_out);
  const absl::Status status = MakeEvaluator(context, held_out).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(TestShard("pictures")));
}

}  // namespace
}  // namespace tributary
