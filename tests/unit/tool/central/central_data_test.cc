#include "tool/central/central_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/data/dataset_layout.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CentralDataTest : public ::testing::Test {
 protected:
  static ShardInfo Info() {
    return {.dataset = "news",
            .modality = Modality::kText,
            .part = "train",
            .classes = {"good", "bad"},
            .mean = {},
            .deviation = {}};
  }
  // Client `client` holds `rows` texts.
  void Write(int client, int rows, const ShardInfo& info = Info()) const {
    const std::string folder = scratch_ / ClientFolder(client);
    ASSERT_TRUE(EnsureWritableFolder(folder).ok());
    ShardWriter writer(absl::StrCat(folder, "/", kTrainShard), info);
    for (int row = 0; row < rows; ++row) writer.AddRow(0, row % 2, absl::StrCat("text ", row));
    ASSERT_TRUE(writer.Finish().ok());
  }
  absl::StatusOr<std::unique_ptr<Samples>> Open(int clients) const {
    const auto vocabulary = FindVocabulary("");
    EXPECT_TRUE(vocabulary.ok()) << vocabulary.status();
    const auto tokenizer = Tokenizer::Load(*vocabulary);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    const DatasetConfig dataset = {
        .name = "news", .modality = Modality::kText, .clients = clients, .path = scratch_.path()};
    return OpenAllClients(dataset, Info(), 8, *tokenizer, 1);
  }
  // Why client 1's shard, made by `change`, does not fit.
  template <typename Change>
  std::string Refusal(const Change& change) const {
    ShardInfo info = Info();
    change(&info);
    Write(1, 2, info);
    const absl::Status status = Open(2).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("dataset news"), HasSubstr("client-01/train.shard")));
    return std::string(status.message());
  }

  const ScratchFolder scratch_;
};

TEST_F(CentralDataTest, AllClientsDataAreOneSet) {
  Write(0, 3);
  Write(1, 5);
  Write(2, 7);  // not of the run
  const auto samples = Open(2);
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_EQ((*samples)->count(), 8);
  EXPECT_EQ((*samples)->modality(), Modality::kText);
}

TEST_F(CentralDataTest, AMissingClientIsNamed) {
  Write(0, 3);
  const absl::Status status = Open(2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("client-01/train.shard"));
}

TEST_F(CentralDataTest, ADamagedShardIsNamed) {
  Write(0, 3);
  const std::string path = absl::StrCat(scratch_.path(), "/", TrainShardOf(0));
  std::string bytes = *ReadFile(path);
  bytes[70] ^= '\x01';
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const absl::Status status = Open(1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("client-00/train.shard"));
}

TEST_F(CentralDataTest, AShardThatDoesNotGoWithTheTestIsRefused) {
  Write(0, 3);
  EXPECT_THAT(Refusal([](ShardInfo* info) { info->dataset = "mail"; }),
              HasSubstr("has dataset mail, the dataset's test shard news"));
  EXPECT_THAT(Refusal([](ShardInfo* info) { info->classes.push_back("neither"); }),
              HasSubstr("has classes (by number) 3, the dataset's test shard 2"));
  EXPECT_THAT(Refusal([](ShardInfo* info) { info->classes[1] = "worse"; }), HasSubstr("classes"));
}

}  // namespace
}  // namespace tributary
