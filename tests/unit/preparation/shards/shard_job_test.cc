#include "preparation/shards/shard_job.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/shards/raw_images.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ShardJobTest : public ::testing::Test {
 protected:
  // Five images; the last cannot be read. Rows 0 and 3 show image 1.
  ShardJobTest() : set_(RawImages(scratch_.path(), "abcd")) {
    set_.images.push_back({.tree = 0, .file = 0, .offset = 4 * kRawBytes});
    for (const auto& [image, text] : {std::pair<int64_t, const char*>{1, "one"},
                                      {0, "two"},
                                      {4, "of no image"},
                                      {1, "three"},
                                      {3, "four"}}) {
      set_.train.push_back(PairSample(image, text));
    }
  }

  ShardJob Job(const std::string& name, absl::Span<const int64_t> rows) const {
    return {.set = set_,
            .samples = set_.train,
            .rows = rows,
            .path = scratch_ / name,
            .info = {.dataset = "tiny",
                     .modality = Modality::kPair,
                     .part = "train",
                     .image_size = 2,
                     .channels = 3,
                     .classes = {},
                     .mean = {0.5F, 0.5F, 0.5F},
                     .deviation = {0.5F, 0.5F, 0.5F}},
            .fingerprint = "print",
            .forbidden = nullptr,
            .threads = 2,
            .strict = false};
  }
  // Runs `job`; `from_before` counts the images that were there.
  ShardOutcome Write(const ShardJob& job, int* from_before = nullptr) const {
    int before = 0;
    auto outcome = WriteShard(job, [&](bool was_there) { before += was_there ? 1 : 0; });
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (from_before != nullptr) *from_before = before;
    return outcome.ok() ? *std::move(outcome) : ShardOutcome();
  }
  // "caption: the image's colour" of each row.
  static std::vector<std::string> RowsOf(const std::string& path) {
    const auto shard = Shard::Open(path);
    EXPECT_TRUE(shard.ok()) << shard.status();
    std::vector<std::string> rows;
    for (int64_t row = 0; shard.ok() && row < (*shard)->info().rows; ++row) {
      rows.push_back(std::string((*shard)->Text(row)) + ": " +
                     static_cast<char>((*shard)->Image(row)[0]));
    }
    return rows;
  }

  const ScratchFolder scratch_;
  SampleSet set_;
  const std::vector<int64_t> all_ = {0, 1, 2, 3, 4};
};

TEST_F(ShardJobTest, RowsComeInTheirOrderAndAnImageOfSeveralIsKeptOnce) {
  const std::vector<int64_t> rows = {4, 0, 1, 3};
  const ShardOutcome outcome = Write(Job("a.shard", rows));
  EXPECT_THAT(RowsOf(scratch_ / "a.shard"), ElementsAre("four: d", "one: b", "two: a", "three: b"));
  EXPECT_EQ((*Shard::Open(scratch_ / "a.shard"))->info().images, 3);
  EXPECT_EQ((*Shard::Open(scratch_ / "a.shard"))->digest(), outcome.digest);
  EXPECT_EQ(outcome.rows, rows);
  EXPECT_EQ(CountImages(set_.train, rows), 3U);
}

TEST_F(ShardJobTest, AnImageThatCannotBeReadIsLeftOutWithItsRows) {
  const ShardOutcome outcome = Write(Job("a.shard", all_));
  EXPECT_THAT(outcome.rows, ElementsAre(0, 1, 3, 4));
  ASSERT_EQ(outcome.skipped.size(), 1U);
  EXPECT_THAT(outcome.skipped[0].file, HasSubstr("raw.bin, byte 48"));
  EXPECT_THAT(outcome.skipped[0].reason, HasSubstr("cut short"));
  EXPECT_THAT(RowsOf(scratch_ / "a.shard"), ElementsAre("one: b", "two: a", "three: b", "four: d"));
}

TEST_F(ShardJobTest, UnderStrictItIsAnErrorThatNamesTheImage) {
  ShardJob job = Job("a.shard", all_);
  job.strict = true;
  const absl::Status status = WriteShard(job, [](bool) {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("raw.bin, byte 48"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("(--strict)"));
}

TEST_F(ShardJobTest, ContentOfTheTestIsNotTrainedOn) {
  const absl::flat_hash_set<uint64_t> test = {Checksum(std::string(kRawBytes, 'b'))};
  ShardJob job = Job("a.shard", all_);
  job.forbidden = &test;
  const ShardOutcome outcome = Write(job);
  EXPECT_THAT(RowsOf(job.path), ElementsAre("two: a", "four: d"));
  EXPECT_EQ(outcome.skipped.size(), 2U);
  EXPECT_EQ(outcome.skipped[0].reason, "the content of a test image");
}

TEST_F(ShardJobTest, AFinishedShardIsTakenAsItIs) {
  const ShardOutcome first = Write(Job("a.shard", all_));
  int from_before = 0;
  const ShardOutcome again = Write(Job("a.shard", all_), &from_before);
  EXPECT_EQ(from_before, 4);  // images 1, 0, 4 and 3
  EXPECT_EQ(again.digest, first.digest);
  EXPECT_EQ(again.rows, first.rows);
  EXPECT_EQ(again.skipped.size(), first.skipped.size());
}

TEST_F(ShardJobTest, ADamagedShardOrAnotherFingerprintIsWrittenAnew) {
  const ShardJob job = Job("a.shard", all_);
  const std::string digest = Write(job).digest;
  std::string bytes = *ReadFile(job.path);
  bytes[70] ^= '\x01';
  ASSERT_TRUE(WriteFileAtomically(job.path, bytes).ok());
  int from_before = 0;
  EXPECT_EQ(Write(job, &from_before).digest, digest);
  EXPECT_EQ(from_before, 0);
  EXPECT_TRUE((*Shard::Open(job.path))->Verify().ok());
  ShardJob other = Job("a.shard", all_);
  other.fingerprint = "other";
  Write(other, &from_before);
  EXPECT_EQ(from_before, 0);
}

TEST_F(ShardJobTest, TheSameBytesWhateverTheThreads) {
  ShardJob one = Job("one.shard", all_);
  one.threads = 1;
  Write(one);
  ShardJob eight = Job("eight.shard", all_);
  eight.threads = 8;
  Write(eight);
  EXPECT_EQ(*ReadFile(scratch_ / "one.shard"), *ReadFile(scratch_ / "eight.shard"));
}

TEST_F(ShardJobTest, TheJournalGoesWhenItIsForgotten) {
  const ShardJob job = Job("a.shard", all_);
  Write(job);
  EXPECT_TRUE(std::filesystem::exists(job.path + ".journal"));
  ForgetJournal(job.path);
  EXPECT_FALSE(std::filesystem::exists(job.path + ".journal"));
}

}  // namespace
}  // namespace tributary
