#include "server/aggregation/upload.h"

#include <filesystem>
#include <limits>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

StateDict Update(float value) {
  StateDict state;
  for (const char* name : {"w", "v"}) {
    Tensor tensor = Tensor::Zeros({30, 100});
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tensor.values[i] = value * static_cast<float>(1 + (i * 2654435761U) % 1009);
    }
    EXPECT_TRUE(state.Add(name, std::move(tensor)).ok());
  }
  Tensor features = Tensor::Zeros({2, 3});
  for (size_t i = 0; i < features.values.size(); ++i) features.values[i] = static_cast<float>(i);
  EXPECT_TRUE(state.Add("public.features", std::move(features)).ok());
  return state;
}

class UploadTest : public testing::Test {
 protected:
  UploadTest() { upload_ = NewUpload(encoded_->bytes()); }

  // Values as they are, so that every state is cut at the same places: 1024 values to a chunk.
  static std::shared_ptr<const EncodedState> Encode(const StateDict& state,
                                                    ValuesVersion version = {}) {
    const auto owner = std::make_shared<const StateDict>(state);
    return EncodedState::Encode(
        EncodedState::SourcesOf(*owner), owner,
        {.codec = Codec::kF32, .chunk_bytes = 4096, .plain_f32 = true, .version = version});
  }
  std::unique_ptr<Upload> NewUpload(uint64_t most_bytes, const std::string& file = "spool") {
    auto upload = std::make_unique<Upload>(&manifest_, 2, most_bytes,
                                           std::make_unique<Spool>(scratch_ / file, &budget_));
    upload->Claim(1);
    return upload;
  }
  std::string Chunk(size_t i) const { return std::string(encoded_->chunks()[i]); }

  // What a test of atomicity compares.
  void ExpectHolds(uint32_t chunks) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < chunks; ++i) bytes += encoded_->chunks()[i].size();
    EXPECT_EQ(upload_->chunks(), chunks);
    EXPECT_EQ(upload_->bytes(), bytes);
    ASSERT_EQ(upload_->spool().size(), chunks);
    for (uint32_t i = 0; i < chunks; ++i) {
      std::string buffer;
      EXPECT_EQ(*upload_->spool().Read(i, &buffer), Chunk(i));
    }
  }

  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 20};
  const Manifest manifest_ = Manifest::Of(Update(1));
  const std::shared_ptr<const EncodedState> encoded_ = Encode(Update(0.5F));
  std::unique_ptr<Upload> upload_;
};

TEST_F(UploadTest, HoldsAllChunksAndTheRepresentations) {
  ASSERT_GE(encoded_->chunks().size(), 3u);
  ASSERT_TRUE(AppendChunks(*encoded_, 1, upload_.get()).ok());
  EXPECT_TRUE(upload_->CheckComplete().ok());
  ExpectHolds(static_cast<uint32_t>(encoded_->chunks().size()));
  const StateDict representations = upload_->TakeRepresentations();
  ASSERT_EQ(representations.size(), 1u) << "plain tensors are in the chunks alone";
  EXPECT_EQ(representations.Find("public.features")->values,
            Update(1).Find("public.features")->values);
}

TEST_F(UploadTest, IsNotCompleteBeforeItsLastChunk) {
  for (size_t i = 0; i < encoded_->chunks().size(); ++i) {
    const absl::Status status = upload_->CheckComplete();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(absl::StrCat(i, " chunks")), std::string::npos) << status;
    ASSERT_TRUE(upload_->Append(1, Chunk(i)).ok());
  }
  EXPECT_TRUE(upload_->CheckComplete().ok());
}

TEST_F(UploadTest, AChunkThatIsRefusedLeavesTheUploadAsItWas) {
  ASSERT_TRUE(upload_->Append(1, Chunk(0)).ok());
  StateDict infinite = Update(0.5F);
  infinite[0].tensor.values[1100] = std::numeric_limits<float>::infinity();
  StateDict large = Update(0.5F);
  large[0].tensor.values[1100] = 2 * kLargestDelta;
  std::string damaged = Chunk(1);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  const auto as_chunk_1 = [&](const StateDict& state) {
    return std::string(Encode(state, encoded_->version())->chunks()[1]);
  };
  EXPECT_EQ(upload_->Append(1, as_chunk_1(infinite)).code(), absl::StatusCode::kOutOfRange);
  ExpectHolds(1);
  EXPECT_EQ(upload_->Append(1, as_chunk_1(large)).code(), absl::StatusCode::kOutOfRange);
  ExpectHolds(1);
  EXPECT_FALSE(upload_->Append(1, damaged).ok());
  ExpectHolds(1);
  EXPECT_EQ(upload_->Append(1, Chunk(0)).code(), absl::StatusCode::kInvalidArgument) << "repeated";
  EXPECT_EQ(upload_->Append(1, Chunk(2)).code(), absl::StatusCode::kInvalidArgument) << "skipped";
  EXPECT_EQ(upload_->Append(1, "rubbish").code(), absl::StatusCode::kInvalidArgument);
  ExpectHolds(1);
  EXPECT_TRUE(AppendChunks(*encoded_, 1, upload_.get(), 1).ok());
  EXPECT_TRUE(upload_->CheckComplete().ok());
}

TEST_F(UploadTest, AChunkThatTheDiskDoesNotTakeMayComeAgain) {
  budget_.Take(1 << 20);
  std::filesystem::create_symlink("/dev/full", scratch_ / "full");
  upload_ = NewUpload(encoded_->bytes(), "full");
  EXPECT_EQ(upload_->Append(1, Chunk(0)).code(), absl::StatusCode::kResourceExhausted);
  ExpectHolds(0);
  budget_.Give(1 << 20);
  ASSERT_TRUE(upload_->Append(1, Chunk(0)).ok());
  ExpectHolds(1);
}

TEST_F(UploadTest, AStreamWithAnOlderTicketIsAborted) {
  ASSERT_TRUE(upload_->Append(1, Chunk(0)).ok());
  EXPECT_EQ(upload_->Claim(2), 1u) << "the new stream goes on where the old one was";
  EXPECT_EQ(upload_->Append(1, Chunk(1)).code(), absl::StatusCode::kAborted);
  ExpectHolds(1);
  EXPECT_TRUE(AppendChunks(*encoded_, 2, upload_.get(), 1).ok());
  EXPECT_TRUE(upload_->CheckComplete().ok());
}

TEST_F(UploadTest, AChunkOfAnotherVersionThanTheFirstIsAFailedPrecondition) {
  ASSERT_TRUE(upload_->Append(1, Chunk(0)).ok());
  const auto other = Encode(Update(0.25F));
  ASSERT_NE(other->version(), encoded_->version());
  EXPECT_EQ(upload_->Append(1, std::string(other->chunks()[1])).code(),
            absl::StatusCode::kFailedPrecondition);
  ExpectHolds(1);
}

TEST_F(UploadTest, MoreThanTheMostBytesAreRefused) {
  const uint64_t two = encoded_->chunks()[0].size() + encoded_->chunks()[1].size();
  upload_.reset();
  upload_ = NewUpload(two);
  ASSERT_TRUE(AppendChunks(*encoded_, 1, upload_.get(), 0, 2).ok());
  const absl::Status more = upload_->Append(1, Chunk(2));
  EXPECT_EQ(more.code(), absl::StatusCode::kInvalidArgument) << more;
  ExpectHolds(2);
  upload_ = NewUpload(two - 1);
  EXPECT_EQ(AppendChunks(*encoded_, 1, upload_.get(), 0, 2).code(),
            absl::StatusCode::kInvalidArgument);
  ExpectHolds(1);
}

TEST_F(UploadTest, ReservesRoomForAllThatMayCome) {
  ASSERT_TRUE(upload_->Reserve());
  EXPECT_FALSE(budget_.Take((1 << 20) - static_cast<int64_t>(encoded_->bytes()) + 1));
  ASSERT_TRUE(upload_->Append(1, Chunk(0)).ok());
  // Nothing is left beside what it has; a stream that resumes needs no more than that.
  ASSERT_TRUE(budget_.Take((1 << 20) - static_cast<int64_t>(encoded_->bytes())));
  EXPECT_TRUE(upload_->Reserve());
  ASSERT_TRUE(AppendChunks(*encoded_, 1, upload_.get(), 1).ok());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "spool"));
}

TEST_F(UploadTest, OneThatIsLargerThanItsRoomHasItAllTheSame) {
  SpoolBudget budget(5000, 5000);
  Upload upload(&manifest_, 2, encoded_->bytes(),
                std::make_unique<Spool>(scratch_ / "large", &budget));
  upload.Claim(1);
  EXPECT_FALSE(upload.reserved());
  ASSERT_TRUE(upload.Reserve());
  EXPECT_FALSE(budget.Take(1));
  ASSERT_TRUE(upload.Append(1, Chunk(0)).ok());
  EXPECT_TRUE(upload.reserved());
  EXPECT_TRUE(upload.Reserve()) << "a stream that resumes need not wait for what it has";
  ASSERT_TRUE(AppendChunks(*encoded_, 1, &upload, 1).ok());
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "large"));
}

}  // namespace
}  // namespace tributary
