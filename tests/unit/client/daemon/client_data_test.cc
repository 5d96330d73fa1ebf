#include "client/daemon/client_data.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class ClientDataTest : public ::testing::Test {
 protected:
  void WriteShard(Modality modality, int rows) { WriteShard(folder_, modality, rows); }
  static void WriteShard(const std::string& folder, Modality modality, int rows,
                         const std::string& file = "train.shard",
                         const std::vector<std::string>& classes = {"one", "two"}) {
    ShardInfo info;
    info.dataset = "icons";
    info.modality = modality;
    info.part = "train";
    if (modality != Modality::kText) {
      info.image_size = 4;
      info.channels = 3;
      info.mean = info.deviation = {0.5f, 0.5f, 0.5f};
    }
    if (modality != Modality::kPair) info.classes = classes;
    ShardWriter writer(folder + "/" + file, info);
    for (int row = 0; row < rows; ++row) {
      const std::vector<uint8_t> image(4 * 4 * 3, static_cast<uint8_t>(row));
      const int64_t number = modality == Modality::kText ? 0 : writer.AddImage(image);
      writer.AddRow(number, row % 2, modality == Modality::kImage ? "" : "a folder");
    }
    ASSERT_TRUE(writer.Finish().ok());
  }

  const ScratchFolder scratch_;
  const std::string& folder_ = scratch_.path();
};

TEST_F(ClientDataTest, ACardSaysWhatIsThereAndNoSample) {
  WriteShard(Modality::kImage, 5);
  const absl::StatusOr<ClientData> data = OpenClientData({.folder = folder_});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->tokenizer, nullptr);
  const v1::DataCard card = CardOf(*data);
  EXPECT_EQ(card.dataset(), "icons");
  EXPECT_EQ(card.modality(), v1::MODALITY_IMAGE);
  EXPECT_EQ(card.samples(), 5u);
  EXPECT_EQ(card.classes(), 2u);
  EXPECT_EQ(card.image_size(), 4u);
  EXPECT_EQ(card.image_channels(), 3u);
  EXPECT_EQ(card.digest(), data->shard->digest());
}

TEST_F(ClientDataTest, TextsComeWithTheVocabularyThatShips) {
  WriteShard(Modality::kPair, 2);
  const absl::StatusOr<ClientData> data = OpenClientData({.folder = folder_});
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_NE(data->tokenizer, nullptr);
  EXPECT_EQ(data->tokenizer->size(), 30522);
  EXPECT_EQ(CardOf(*data).classes(), 0u);
  WriteShard(Modality::kText, 2);
  EXPECT_EQ(CardOf(*OpenClientData({.folder = folder_})).image_size(), 0u);
}

TEST_F(ClientDataTest, SaysWhatFolderIsWanted) {
  const absl::Status status = OpenClientData({.folder = folder_}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("train.shard"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--data"));
}

TEST_F(ClientDataTest, AFlippedByteIsFoundBeforeTheClientJoins) {
  WriteShard(Modality::kImage, 50);
  std::string bytes = *ReadFile(folder_ + "/train.shard");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/train.shard", bytes).ok());
  EXPECT_EQ(OpenClientData({.folder = folder_}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ClientDataTest, RefusesAShardWithoutSamples) {
  WriteShard(Modality::kText, 0);
  EXPECT_FALSE(OpenClientData({.folder = folder_}).ok());
}

TEST_F(ClientDataTest, NamesAVocabularyThatIsMissing) {
  WriteShard(Modality::kText, 1);
  const absl::Status status =
      OpenClientData({.folder = folder_, .vocabulary = folder_ + "/vocabulary.txt"}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("vocabulary.txt"));
}

TEST_F(ClientDataTest, APublicSetBringsTheTokenizerItsTextsNeed) {
  WriteShard(Modality::kImage, 2);
  const std::string folder = scratch_ / "public";
  ASSERT_TRUE(EnsureWritableFolder(folder).ok());
  WriteShard(folder, Modality::kPair, 3);
  const auto data = OpenClientData({.folder = folder_, .public_set = folder});
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_NE(data->public_set, nullptr);
  EXPECT_EQ(data->public_set->info().rows, 3);
  EXPECT_NE(data->tokenizer, nullptr);
  EXPECT_EQ(OpenClientData({.folder = folder_})->public_set, nullptr);
}

TEST_F(ClientDataTest, APublicSetIsCheckedAsTheShardIs) {
  WriteShard(Modality::kImage, 2);
  const std::string folder = scratch_ / "public";
  ASSERT_TRUE(EnsureWritableFolder(folder).ok());
  const absl::Status missing = OpenClientData({.folder = folder_, .public_set = folder}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("--public"));
  WriteShard(folder, Modality::kPair, 0);
  EXPECT_EQ(OpenClientData({.folder = folder_, .public_set = folder}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  WriteShard(folder, Modality::kPair, 40);
  const std::string path = folder + "/train.shard";
  std::string bytes = *ReadFile(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  EXPECT_EQ(OpenClientData({.folder = folder_, .public_set = folder}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ClientDataTest, AShardCutShortIsFoundBeforeTheClientJoins) {
  WriteShard(Modality::kImage, 50);
  const std::string path = folder_ + "/train.shard";
  const std::string bytes = *ReadFile(path);
  for (const size_t size : {size_t{0}, size_t{10}, bytes.size() / 2, bytes.size() - 1}) {
    ASSERT_TRUE(WriteFileAtomically(path, bytes.substr(0, size)).ok());
    const absl::Status status = OpenClientData({.folder = folder_}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << size << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("train.shard"));
  }
}

TEST_F(ClientDataTest, TheCardOfAPairHasNoClassesButASize) {
  WriteShard(Modality::kPair, 4);
  const v1::DataCard card = CardOf(*OpenClientData({.folder = folder_}));
  EXPECT_EQ(card.modality(), v1::MODALITY_PAIR);
  EXPECT_EQ(card.samples(), 4u);
  EXPECT_EQ(card.classes(), 0u);
  EXPECT_EQ(card.image_size(), 4u);
}

TEST_F(ClientDataTest, AClientMayHaveATestPartOfItsOwn) {
  WriteShard(Modality::kImage, 5);
  EXPECT_EQ(CardOf(*OpenClientData({.folder = folder_})).test_samples(), 0u);
  WriteShard(folder_, Modality::kImage, 3, "test.shard");
  EXPECT_EQ(CardOf(*OpenClientData({.folder = folder_})).test_samples(), 3u);
  const std::string elsewhere = scratch_ / "elsewhere";
  std::filesystem::create_directories(elsewhere);
  EXPECT_THAT(OpenClientData({.folder = folder_, .test = elsewhere}).status().message(),
              HasSubstr("elsewhere/test.shard"))
      << "one that was named must be there";
  WriteShard(elsewhere, Modality::kImage, 7, "test.shard");
  EXPECT_EQ(CardOf(*OpenClientData({.folder = folder_, .test = elsewhere})).test_samples(), 7u);
}

TEST_F(ClientDataTest, ATestPartOfAnotherSchemaIsRefused) {
  WriteShard(Modality::kImage, 5);
  WriteShard(folder_, Modality::kImage, 3, "test.shard", {"two", "one"});
  const absl::Status status = OpenClientData({.folder = folder_}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("[two, one] (2)"));
}

}  // namespace
}  // namespace tributary
