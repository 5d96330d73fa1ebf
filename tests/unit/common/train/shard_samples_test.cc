#include "common/train/shard_samples.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/data/resize.h"
#include "common/data/stored_image.h"
#include "common/train/memory_samples.h"
#include "common/train/samples.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSize = 4;

class ShardSamplesTest : public testing::Test {
 protected:
  void SetUp() override { path_ = scratch_ / "train.shard"; }

  static ShardInfo Info(Modality modality) {
    return {.dataset = "tiny",
            .modality = modality,
            .part = "train",
            .rows = 0,
            .images = 0,
            .image_size = kSize,
            .channels = 3,
            .classes = modality == Modality::kPair ? std::vector<std::string>()
                                                   : std::vector<std::string>{"a", "b"},
            .mean = {0.5F, 0.5F, 0.5F},
            .deviation = {0.5F, 0.25F, 0.5F}};
  }

  // An image whose red is `red` everywhere, green 255 and blue 0.
  static std::vector<uint8_t> Image(uint8_t red) {
    std::vector<uint8_t> image;
    for (int64_t i = 0; i < kSize * kSize; ++i) image.insert(image.end(), {red, 255, 0});
    return image;
  }

  // Rows 0 and 2 share image 1; row 1 shows image 0.
  std::shared_ptr<const Shard> PairShard() {
    ShardWriter writer(path_, Info(Modality::kPair));
    const int64_t first = writer.AddImage(Image(10)), second = writer.AddImage(Image(20));
    writer.AddRow(second, 0, "folder open");
    writer.AddRow(first, 0, "folder");
    writer.AddRow(second, 0, "folder opened");
    EXPECT_TRUE(writer.Finish().ok());
    return Open();
  }

  std::shared_ptr<const Shard> Open() {
    const auto shard = Shard::Open(path_);
    EXPECT_TRUE(shard.ok()) << shard.status();
    return shard.ok() ? *shard : nullptr;
  }

  static std::shared_ptr<const Tokenizer> Words() {
    const auto tokenizer = Tokenizer::Load(*FindVocabulary(""));
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *tokenizer;
  }

  static std::unique_ptr<Samples> Make(std::shared_ptr<const Shard> shard) {
    auto samples = MakeShardSamples(std::move(shard), Words(), 6);
    EXPECT_TRUE(samples.ok()) << samples.status();
    return *std::move(samples);
  }

  const ScratchFolder scratch_;
  std::string path_;
};

TEST_F(ShardSamplesTest, NormalisesImagesIntoPlanes) {
  const auto samples = Make(PairShard());
  const auto batch = samples->Gather({0, 1}, {}, nullptr);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->images.sizes(), (at::IntArrayRef{2, 3, kSize, kSize}));
  EXPECT_NEAR(batch->images[0][0][3][3].item<float>(), (20 / 255.0 - 0.5) / 0.5, 1e-6);
  EXPECT_NEAR(batch->images[1][0][0][1].item<float>(), (10 / 255.0 - 0.5) / 0.5, 1e-6);
  EXPECT_NEAR(batch->images[1][1][0][0].item<float>(), 2, 1e-6) << "green by its own deviation";
  EXPECT_NEAR(batch->images[1][2][0][0].item<float>(), -1, 1e-6);
  EXPECT_FALSE(batch->labels.defined());
}

TEST_F(ShardSamplesTest, TokenisesTextsToOneLength) {
  const auto samples = Make(PairShard());
  const auto batch = samples->Gather({2, 1}, {}, nullptr);
  ASSERT_TRUE(batch.ok());
  const auto tokenizer = Words();
  std::vector<int64_t> expected = tokenizer->Encode("folder opened", 6);
  const std::vector<int64_t> second = tokenizer->Encode("folder", 6);
  expected.insert(expected.end(), second.begin(), second.end());
  const auto* tokens = batch->tokens.const_data_ptr<int64_t>();
  EXPECT_EQ(std::vector<int64_t>(tokens, tokens + batch->tokens.numel()), expected);
  EXPECT_EQ(samples->word_rows(), WordRowsOf(samples->Gather({0, 1, 2}, {}, nullptr)->tokens));
}

TEST_F(ShardSamplesTest, NumbersImagesInTheOrderOfTheirFirstRows) {
  EXPECT_EQ(Make(PairShard())->image_of_row(), (std::vector<int64_t>{0, 1, 0}));
}

TEST_F(ShardSamplesTest, GivesLabelsOfUniModalRows) {
  ShardWriter writer(path_, Info(Modality::kImage));
  writer.AddRow(writer.AddImage(Image(1)), 1, "");
  writer.AddRow(writer.AddImage(Image(2)), 0, "");
  ASSERT_TRUE(writer.Finish().ok());
  const auto samples = MakeShardSamples(Open(), nullptr, 6);  // needs no vocabulary
  ASSERT_TRUE(samples.ok()) << samples.status();
  const auto batch = (*samples)->Gather({0, 1}, {}, nullptr);
  EXPECT_EQ(batch->labels[0].item<int64_t>(), 1);
  EXPECT_EQ(batch->labels[1].item<int64_t>(), 0);
  EXPECT_FALSE(batch->tokens.defined());
  EXPECT_TRUE((*samples)->word_rows().empty());
}

TEST_F(ShardSamplesTest, OriginalsGiveWhatTheirPixelsAtTrainingSizeGive) {
  tributary::Image original{.height = 9, .width = 7, .channels = 3, .pixels = {}};
  for (int i = 0; i < 9 * 7 * 3; ++i) original.pixels.push_back(static_cast<uint8_t>(i));
  const auto shard_of = [&](ImageStorage storage, const std::string& bytes) {
    ShardInfo info = Info(Modality::kImage);
    info.storage = storage;
    ShardWriter writer(path_, info);
    writer.AddRow(writer.AddImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}),
                  1, "");
    EXPECT_TRUE(writer.Finish().ok());
    return Open();
  };
  const std::vector<uint8_t> pixels = Resize(original, kSize, kSize).pixels;
  const auto ready = Make(shard_of(ImageStorage::kPixels, {pixels.begin(), pixels.end()}));
  const auto expected = ready->Gather({0}, {}, nullptr);
  const auto stored = Make(shard_of(ImageStorage::kOriginal, StoreImage("", original)));
  const auto batch = stored->Gather({0}, {}, nullptr);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_TRUE(batch->images.equal(expected->images));
}

// Images of any two seeds differ.
std::string Original(uint64_t seed) {
  RandomStream stream(seed, "original");
  tributary::Image image{.height = 8, .width = 8, .channels = 3, .pixels = {}};
  for (int i = 0; i < 8 * 8 * 3; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(stream.Below(256)));
  }
  return StoreImage("", image);
}

TEST_F(ShardSamplesTest, ABatchIsTheSameForAnyNumberOfThreads) {
  constexpr int64_t kRows = 40;
  ShardInfo info = Info(Modality::kImage);
  info.storage = ImageStorage::kOriginal;
  ShardWriter writer(path_, info);
  for (uint64_t row = 0; row < kRows; ++row) {
    const std::string stored = Original(row);
    const auto* bytes = reinterpret_cast<const uint8_t*>(stored.data());
    writer.AddRow(writer.AddImage({bytes, stored.size()}), 0, "");
  }
  ASSERT_TRUE(writer.Finish().ok());
  const auto shard = Open();
  const Augmentations all{.crop_padding = 1,
                          .rotation = 30,
                          .horizontal_flip = 0.5,
                          .vertical_flip = 0.5,
                          .brightness = 0.5,
                          .contrast = 0.5};
  std::vector<int64_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0);
  // One by one, as the stream's numbers come.
  const auto single = Make(shard);
  RandomStream expected_stream(1, "augment");
  std::vector<at::Tensor> expected;
  for (const int64_t row : rows) {
    expected.push_back(single->Gather({row}, all, &expected_stream)->images);
  }
  for (const int threads : {1, 2, 3, 16}) {
    const auto samples = MakeShardSamples(shard, nullptr, 6, threads);
    ASSERT_TRUE(samples.ok()) << samples.status();
    RandomStream stream(1, "augment");
    const auto batch = (*samples)->Gather(rows, all, &stream);
    ASSERT_TRUE(batch.ok()) << batch.status();
    for (const int64_t row : rows) {
      EXPECT_TRUE(batch->images[row].equal(expected[static_cast<size_t>(row)][0])) << threads;
    }
  }
}

TEST_F(ShardSamplesTest, ADamagedOriginalIsDataLossThatNamesShardAndRow) {
  ShardInfo info = Info(Modality::kImage);
  info.storage = ImageStorage::kOriginal;
  ShardWriter writer(path_, info);
  const std::string stored =
      StoreImage("", {.height = 1, .width = 1, .channels = 3, .pixels = {1, 2, 3}});
  const auto* bytes = reinterpret_cast<const uint8_t*>(stored.data());
  writer.AddRow(writer.AddImage({bytes, stored.size()}), 0, "");
  writer.AddRow(writer.AddImage({bytes, stored.size() - 1}), 0, "");
  ASSERT_TRUE(writer.Finish().ok());
  const auto samples = Make(Open());
  EXPECT_TRUE(samples->Gather({0}, {}, nullptr).ok());
  for (const int threads : {1, 4}) {
    const auto several = MakeShardSamples(Open(), nullptr, 6, threads);
    const absl::Status status = (*several)->Gather({0, 1, 0, 1}, {}, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("train.shard: the image of row 1"));
  }
}

TEST_F(ShardSamplesTest, AugmentsOnlyWithAStream) {
  const auto samples = Make(PairShard());
  const Augmentations darker{
      .crop_padding = 0, .horizontal_flip = 0, .brightness = 0.9, .contrast = 0};
  const auto plain = samples->Gather({0}, {}, nullptr);
  EXPECT_TRUE(samples->Gather({0}, darker, nullptr)->images.equal(plain->images));
  RandomStream one(1, "augment"), two(1, "augment");
  const auto changed = samples->Gather({0}, darker, &one);
  EXPECT_FALSE(changed->images.equal(plain->images));
  EXPECT_TRUE(samples->Gather({0}, darker, &two)->images.equal(changed->images));
  EXPECT_TRUE(samples->Gather({0}, {}, nullptr)->images.equal(plain->images)) << "shard is intact";
}

TEST_F(ShardSamplesTest, RefusesAFlippedByte) {
  PairShard();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path_));
  file.seekg(size / 2);
  const char old = static_cast<char>(file.peek());
  file.seekp(size / 2);
  file.put(static_cast<char>(old ^ 1));
  file.close();
  const auto shard = Shard::Open(path_);
  const absl::Status status =
      shard.ok() ? MakeShardSamples(*shard, Words(), 6).status() : shard.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(ShardSamplesTest, RefusesTextsWithoutAVocabularyOrRoom) {
  const auto shard = PairShard();
  EXPECT_EQ(MakeShardSamples(shard, nullptr, 6).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeShardSamples(shard, Words(), 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(MemorySamplesTest, GivesTheRowsThatAreAskedFor) {
  at::Tensor tokens = at::empty({3, 2}, at::kLong);
  std::copy_n(std::vector<int64_t>{5, 0, 7, 7, 2, 0}.begin(), 6,
              tokens.mutable_data_ptr<int64_t>());
  const MemorySamples samples(Modality::kPair, {at::empty({3, 1, 2, 2}), tokens, {}});
  EXPECT_EQ(samples.count(), 3);
  EXPECT_EQ(samples.word_rows(), (std::vector<int64_t>{0, 2, 5, 7}));
  EXPECT_EQ(samples.image_of_row(), (std::vector<int64_t>{0, 1, 2}));
  const auto batch = samples.Gather({2, 0}, {}, nullptr);
  EXPECT_EQ(batch->tokens[0][0].item<int64_t>(), 2);
  EXPECT_EQ(batch->tokens[1][0].item<int64_t>(), 5);
}

TEST_F(ShardSamplesTest, ThePublicSetIsTheFirstRowsWithImageNetsNormalisation) {
  const auto samples = MakePublicSamples(PairShard(), Words(), 6, 2);
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_EQ((*samples)->count(), 2);
  EXPECT_EQ((*samples)->image_of_row(), (std::vector<int64_t>{0, 1}));
  const auto batch = (*samples)->Gather({0}, {}, nullptr);
  EXPECT_NEAR(batch->images[0][0][0][0].item<float>(), (20 / 255.0 - 0.485) / 0.229, 1e-6);
  EXPECT_EQ(MakePublicSamples(PairShard(), Words(), 6, 4).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tributary
