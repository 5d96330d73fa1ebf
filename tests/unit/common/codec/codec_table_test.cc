#include "common/codec/codec_table.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/random.h"

namespace tributary {
namespace {

constexpr size_t kSizes[] = {1, 2, 63, 64, 65, 255, 256, 257, 1023, 1025, kMostSliceValues};

// Normal values, and those that formats have trouble with: zeros of both signs, subnormal numbers,
// the ends of float's range and of binary16's.
std::vector<float> Draw(size_t count) {
  RandomStream stream(1, "codec_table_test");
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(0.01 * stream.Normal());
  constexpr float kCorners[] = {0, -0.0F, 0x1p-149F, -0x1p-126F, 3e38F, -3e38F, 65504, -65520};
  for (size_t i = 0; i < std::size(kCorners) && 7 * i < count; ++i) values[7 * i] = kCorners[i];
  return values;
}

std::vector<float> ThereAndBack(const CodecRow& row, const std::vector<float>& values) {
  const std::string bytes = row.encode(values);
  std::vector<float> back;
  const absl::Status status = row.decode({.bytes = bytes}, values.size(),
                                         [&](size_t offset, absl::Span<const float> block) {
                                           EXPECT_EQ(offset, back.size());
                                           back.insert(back.end(), block.begin(), block.end());
                                         });
  EXPECT_TRUE(status.ok()) << row.word << ": " << status;
  EXPECT_EQ(back.size(), values.size()) << row.word;
  return back;
}

bool SameBits(const std::vector<float>& one, const std::vector<float>& other) {
  return one.size() == other.size() &&
         std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) == 0;
}

TEST(CodecTableTest, EachWordIsOneCodecs) {
  std::set<std::string> words;
  for (const CodecRow& row : kCodecTable) {
    EXPECT_TRUE(words.emplace(row.word).second) << row.word;
    EXPECT_FALSE(row.word.empty());
    // Words that flags and run files give another meaning.
    EXPECT_NE(row.word, "none");
    EXPECT_NE(row.word, "auto");
  }
}

TEST(CodecTableTest, EachValueOfTheProtoHasARowWhoseWordIsItsName) {
  std::set<int> of_rows, of_proto;
  for (const CodecRow& row : kCodecTable) {
    EXPECT_TRUE(of_rows.insert(row.proto).second) << row.word;
    EXPECT_EQ(
        v1::Codec_Name(row.proto),
        absl::StrCat("CODEC_", absl::StrReplaceAll(absl::AsciiStrToUpper(row.word), {{"-", "_"}})));
  }
  for (int number = v1::Codec_MIN; number <= v1::Codec_MAX; ++number) {
    if (number != v1::CODEC_UNSPECIFIED && v1::Codec_IsValid(number)) of_proto.insert(number);
  }
  EXPECT_EQ(of_rows, of_proto);
}

TEST(CodecTableTest, NumbersOnTheWireNeverChange) {
  // What peers of other versions send and what state folders hold.
  EXPECT_EQ(RowOf(Codec::kF32).proto, 1);
  EXPECT_EQ(RowOf(Codec::kF16).proto, 2);
  EXPECT_EQ(RowOf(Codec::kBf16).proto, 3);
  EXPECT_EQ(RowOf(Codec::kInt8Block).proto, 4);
  EXPECT_EQ(RowOf(Codec::kInt4Block).proto, 5);
  EXPECT_EQ(RowOf(Codec::kTopK).proto, 6);
}

TEST(CodecTableTest, ARowIsWhereItsCodecLooksForIt) {
  for (const CodecRow& row : kCodecTable) EXPECT_EQ(&RowOf(row.codec), &row) << row.word;
}

TEST(CodecTableTest, PayloadsKeepTheirBounds) {
  for (const CodecRow& row : kCodecTable) {
    EXPECT_TRUE(row.item_width == 1 || row.item_width == 2 || row.item_width == 4) << row.word;
    for (const size_t size : kSizes) {
      SCOPED_TRACE(absl::StrCat(row.word, " ", size));
      const size_t most = row.most_bytes(size);
      // A coordinator takes 4.25 bytes for a value and 256 for a tensor, and counts framing in.
      EXPECT_LE(most, 4 * size + size / 4 + 64);
      for (const std::vector<float>& values : {Draw(size), std::vector<float>(size, 1)}) {
        const size_t bytes = row.encode(values).size();
        EXPECT_EQ(bytes % row.item_width, 0u);
        if (row.entry_bytes == 0) {
          EXPECT_EQ(bytes, most);
        } else {
          EXPECT_LE(bytes, most);
          EXPECT_EQ(bytes % row.entry_bytes, 0u);
        }
      }
    }
  }
}

TEST(CodecTableTest, LosslessIsWhatKeepsEveryBit) {
  for (const CodecRow& row : kCodecTable) {
    const std::vector<float> values = Draw(4096);
    EXPECT_EQ(SameBits(ThereAndBack(row, values), values), row.lossless) << row.word;
    EXPECT_FALSE(row.lossless && row.error_feedback) << row.word;
  }
}

TEST(CodecTableTest, WhatMayCarryAModelRoundsEachValueByItselfAndOnce) {
  for (const CodecRow& row : kCodecTable) {
    if (!MayCarryModel(row)) continue;
    SCOPED_TRACE(std::string(row.word));
    const std::vector<float> values = Draw(3000);
    std::vector<float> rounded = values, one_by_one = values;
    row.round(absl::MakeSpan(rounded));
    EXPECT_TRUE(SameBits(rounded, ThereAndBack(row, values)));
    for (float& value : one_by_one) row.round(absl::MakeSpan(&value, 1));
    EXPECT_TRUE(SameBits(one_by_one, rounded));
    std::vector<float> twice = rounded;
    row.round(absl::MakeSpan(twice));
    EXPECT_TRUE(SameBits(twice, rounded));
    // Nothing is owed to a later round: no client keeps a residual of a model.
    EXPECT_FALSE(row.error_feedback);
  }
}

TEST(CodecTableTest, ListsNameTheWantedCodecs) {
  EXPECT_EQ(ListOfCodecs([](const CodecRow& row) { return row.codec <= Codec::kBf16; }, "or"),
            "f32, f16 or bf16");
  EXPECT_EQ(ListOfCodecs([](const CodecRow& row) { return row.codec == Codec::kF32; }, "and"),
            "f32");
  EXPECT_EQ(ListOfCodecs([](const CodecRow&) { return false; }, "and"), "");
  const std::string all = ListOfCodecs(MayCarryUpdate, "and");
  EXPECT_TRUE(all.starts_with("f32, f16, bf16, int8-block, int4-block")) << all;
  for (const CodecRow& row : kCodecTable) {
    EXPECT_NE(all.find(std::string(row.word)), std::string::npos) << row.word;
  }
}

}  // namespace
}  // namespace tributary
