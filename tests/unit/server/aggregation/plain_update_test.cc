#include "server/aggregation/plain_update.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "server/aggregation/accumulator.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr size_t kPlain = 2;  // a representation follows
constexpr size_t kRows = 30, kValues = kRows * 101;

StateDict Draw() {
  RandomStream stream(1, "plain update");
  StateDict state;
  for (const char* name : {"w", "v", "public.features"}) {
    Tensor tensor = Tensor::Zeros({kRows, kValues / kRows});
    for (float& value : tensor.values) value = static_cast<float>(stream.Normal());
    EXPECT_TRUE(state.Add(name, std::move(tensor)).ok());
  }
  return state;
}

class PlainUpdateTest : public testing::Test {
 protected:
  std::shared_ptr<Upload> NewUpload(const EncodedState::Options& options) {
    const auto encoded = EncodedState::Encode(EncodedState::SourcesOf(*delta_), delta_, options);
    auto upload = std::make_shared<Upload>(&manifest_, kPlain, 1 << 20,
                                           std::make_unique<Spool>(scratch_ / "spool", &budget_));
    upload->Claim(1);
    EXPECT_TRUE(AppendChunks(*encoded, 1, upload.get()).ok());
    return upload;
  }

  const std::shared_ptr<const StateDict> delta_ = std::make_shared<const StateDict>(Draw());
  const Manifest manifest_ = Manifest::Of(*delta_);
  const ScratchFolder scratch_;
  SpoolBudget budget_{1 << 20};
};

TEST_F(PlainUpdateTest, AnyRunOfValuesAddsUpAsInAnAccumulator) {
  Accumulator accumulator(manifest_);
  for (size_t t = 0; t < kPlain; ++t) accumulator.Add(t, 0, (*delta_)[t].tensor.values, 0.3);
  RandomStream stream(2, "runs");
  for (const int64_t chunk_bytes : {1, 300, 4096, 1 << 20}) {
    const auto update = PlainUpdate::Of(
        NewUpload({.codec = Codec::kF32, .chunk_bytes = chunk_bytes, .plain_f32 = true}), kPlain);
    ASSERT_TRUE(update.has_value());
    for (int run = 0; run < 50; ++run) {
      const size_t tensor = stream.Below(kPlain);
      const size_t offset = stream.Below(kValues);
      std::vector<int64_t> sums(1 + stream.Below(kValues - offset), 7);
      std::vector<int64_t> expected(sums.size());
      accumulator.Read(tensor, offset, absl::MakeSpan(expected));
      for (int64_t& sum : expected) sum += 7;
      update->AddTo(tensor, offset, 0.3, absl::MakeSpan(sums));
      ASSERT_EQ(sums, expected) << chunk_bytes << ", from " << offset;
    }
  }
}

TEST_F(PlainUpdateTest, ThereIsNoneOfValuesThatMustBeDecoded) {
  const auto packed = NewUpload({.codec = Codec::kF16, .chunk_bytes = 4096});
  EXPECT_FALSE(PlainUpdate::Of(packed, kPlain).has_value());
}

TEST_F(PlainUpdateTest, ThereIsNoneOfChunksInAFile) {
  budget_.Take((1 << 20) - 8192);
  const auto spooled = NewUpload({.codec = Codec::kF32, .chunk_bytes = 4096, .plain_f32 = true});
  EXPECT_FALSE(PlainUpdate::Of(spooled, kPlain).has_value());
}

// The budget has its memory back when the last of an update is gone.
TEST_F(PlainUpdateTest, HoldsItsUploadNoLongerThanItLives) {
  {
    const auto update = PlainUpdate::Of(
        NewUpload({.codec = Codec::kF32, .chunk_bytes = 4096, .plain_f32 = true}), kPlain);
    ASSERT_TRUE(update.has_value());
    EXPECT_FALSE(budget_.Take(1 << 20));
  }
  EXPECT_TRUE(budget_.Take(1 << 20));
}

}  // namespace
}  // namespace tributary
