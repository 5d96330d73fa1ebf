#include "common/codec/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>

#include "common/base/random.h"
#include "common/codec/kernels.h"
#include "common/codec/topk.h"

namespace tributary {
namespace {

constexpr size_t kSizes[] = {1, 63, 64, 65, 255, 257, 4095, 4097, kMostSliceValues};

std::vector<float> Draw(size_t count, double scale = 0.01) {
  RandomStream stream(1, "codec_test");
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(scale * stream.Normal());
  return values;
}

// What DecodeValues() hands over, which must come in order and without a gap.
absl::StatusOr<std::vector<float>> Decode(Codec codec, bool compressed, absl::string_view payload,
                                          size_t count) {
  // Memory of its own, so that a sanitizer sees a read behind its end.
  const std::vector<char> bytes(payload.begin(), payload.end());
  std::vector<float> values;
  std::string scratch;
  const absl::Status status =
      DecodeValues(codec, compressed, {bytes.data(), bytes.size()}, count, &scratch,
                   [&](size_t offset, absl::Span<const float> block) {
                     EXPECT_EQ(offset, values.size());
                     EXPECT_LE(block.size(), kDecodeBlock);
                     values.insert(values.end(), block.begin(), block.end());
                   });
  EXPECT_LE(values.size(), count);
  if (!status.ok()) return status;
  EXPECT_EQ(values.size(), count);
  return values;
}

std::vector<float> ThereAndBack(Codec codec, const std::vector<float>& values) {
  const CodedPayload coded = EncodeValues(codec, values);
  const auto back = Decode(codec, coded.compressed, coded.bytes, values.size());
  EXPECT_TRUE(back.ok()) << back.status();
  return back.ok() ? *back : std::vector<float>(values.size());
}

double RelativeError(const std::vector<float>& values, const std::vector<float>& back) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(values[i] - back[i], 2);
    norm += std::pow(values[i], 2);
  }
  return std::sqrt(error / norm);
}

std::string Bytes(std::initializer_list<int> numbers) {
  std::string text;
  for (const int number : numbers) text.push_back(static_cast<char>(number));
  return text;
}

// What docs/codecs.md and docs/wire.md say of a codec. Not read from its row: a row that changes
// would change the format.
struct Documented {
  Codec codec;
  double error = 0;       // relative L2 error of normal values, at most
  size_t item_width = 1;  // of byte planes
  // Whether a number of values always fills as many bytes.
  bool one_size = true;
  // The example of docs/wire.md: values that it keeps, and their payload before packing.
  std::vector<float> values;
  std::string payload;
};

const Documented kDocumented[] = {
    {.codec = Codec::kF32,
     .item_width = 4,
     .values = {1, -0.5F, 0.1F},
     .payload = Bytes({0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf, 0xcd, 0xcc, 0xcc, 0x3d})},
    {.codec = Codec::kF16,
     .error = 3e-4,
     .item_width = 2,
     .values = {1, -0.5F, 0.0999755859375F, 65504},
     .payload = Bytes({0, 0x3c, 0, 0xb8, 0x66, 0x2e, 0xff, 0x7b})},
    {.codec = Codec::kBf16,
     .error = 2e-3,
     .item_width = 2,
     .values = {1, -0.5F, 3.140625F},
     .payload = Bytes({0x80, 0x3f, 0, 0xbf, 0x49, 0x40})},
    {.codec = Codec::kInt8Block,
     .error = 1e-2,
     .values = {63.5F, -1, 0.5F, 0},
     .payload = Bytes({0, 0, 0, 0x3f, 0x7f, 0xfe, 1, 0})},
    {.codec = Codec::kInt4Block,
     .error = 0.13,
     .values = {1.75F, -0.5F, 0.25F},
     .payload = Bytes({0x80, 0x3e, 0x6f, 0x89})},
    {.codec = Codec::kTopK,
     .error = 0.83,  // of very many values: 0.822
     .item_width = 2,
     .one_size = false,
     .values = {0, 0, 3, 0, -1.5F, 0},
     .payload = Bytes({2, 0, 1, 0, 0x40, 0x40, 0xc0, 0xbf})},
};

const Documented& DocumentedOf(Codec codec) {
  const auto* row = std::find_if(std::begin(kDocumented), std::end(kDocumented),
                                 [&](const Documented& other) { return other.codec == codec; });
  if (row == std::end(kDocumented)) {
    ADD_FAILURE() << CodecName(codec) << " has no entry in kDocumented";
    return kDocumented[0];
  }
  return *row;
}

double DocumentedError(Codec codec) { return DocumentedOf(codec).error; }
size_t PlaneWidth(Codec codec) { return DocumentedOf(codec).item_width; }
bool HasOneSize(Codec codec) { return DocumentedOf(codec).one_size; }

std::string Packed(Codec codec, const std::string& plain) {
  std::string planes = plain;
  const size_t width = PlaneWidth(codec);
  if (width == 2) SplitPlanes2(plain.data(), plain.size() / 2, planes.data());
  if (width == 4) SplitPlanes4(plain.data(), plain.size() / 4, planes.data());
  std::string packed(ZSTD_compressBound(planes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), planes.data(), planes.size(), 1));
  return packed;
}

// The payload for `values` as it is before packing.
std::string Plain(Codec codec, const std::vector<float>& values) {
  const CodedPayload coded = EncodeValues(codec, values);
  if (!coded.compressed) return coded.bytes;
  std::string planes(CodedBytes(codec, values.size()), '\0');
  planes.resize(
      ZSTD_decompress(planes.data(), planes.size(), coded.bytes.data(), coded.bytes.size()));
  std::string plain = planes;
  const size_t width = PlaneWidth(codec), items = plain.size() / width;
  if (width == 2) JoinPlanes2(planes.data(), items, items, plain.data());
  if (width == 4) JoinPlanes4(planes.data(), items, items, plain.data());
  return plain;
}

TEST(CodecTest, F32IsLossless) {
  for (const size_t size : kSizes) {
    const std::vector<float> values = Draw(size);
    EXPECT_EQ(ThereAndBack(Codec::kF32, values), values) << size;
  }
}

TEST(CodecTest, CodecsStayWithinTheirDocumentedErrors) {
  for (const Codec codec : kCodecs) {
    for (const size_t size : kSizes) {
      const std::vector<float> values = Draw(size);
      // What the largest of few values hold differs a little from draw to draw.
      const double slack = !HasOneSize(codec) && size < kMostSliceValues ? 1.02 : 1;
      EXPECT_LE(RelativeError(values, ThereAndBack(codec, values)), slack * DocumentedError(codec))
          << CodecName(codec) << " " << size;
    }
  }
}

TEST(CodecTest, NamesAndNumbersAgree) {
  for (const Codec codec : kCodecs) {
    EXPECT_EQ(*CodecFromProto(CodecToProto(codec)), codec);
    EXPECT_NE(CodecName(codec), "unknown");
    EXPECT_EQ(std::count_if(std::begin(kCodecs), std::end(kCodecs),
                            [&](Codec other) { return CodecName(other) == CodecName(codec); }),
              1);
  }
  for (const int number : {0, v1::Codec_MAX + 1, 77, -1}) {
    EXPECT_EQ(CodecFromProto(static_cast<v1::Codec>(number)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(CodecTest, WhatEachCodecLosesDecidesOnErrorFeedback) {
  for (const Codec codec : kCodecs) {
    EXPECT_EQ(UsesErrorFeedback(codec), DocumentedError(codec) > 5e-3) << CodecName(codec);
  }
}

TEST(CodecTest, CodedBytesIsTheSizeBeforePacking) {
  for (const Codec codec : kCodecs) {
    for (const size_t size : kSizes) {
      const size_t bytes = Plain(codec, Draw(size)).size();
      if (codec == Codec::kTopK) {
        EXPECT_EQ(bytes, kTopKEntryBytes * ((size + kTopKShare - 1) / kTopKShare)) << size;
        EXPECT_EQ(CodedBytes(codec, size), 4 * size);
      }
      if (!HasOneSize(codec)) {
        EXPECT_LE(bytes, CodedBytes(codec, size)) << CodecName(codec) << " " << size;
      } else {
        EXPECT_EQ(bytes, CodedBytes(codec, size)) << CodecName(codec) << " " << size;
      }
    }
  }
}

TEST(CodecTest, SmallCodecsAreAsSmallAsTheyPromise) {
  const size_t plain = kMostSliceValues * sizeof(float);
  EXPECT_LE(static_cast<double>(CodedBytes(Codec::kInt8Block, kMostSliceValues)),
            static_cast<double>(plain) / 3.9);
  EXPECT_LE(static_cast<double>(CodedBytes(Codec::kInt4Block, kMostSliceValues)),
            static_cast<double>(plain) / 7.4);
  EXPECT_LE(EncodeValues(Codec::kTopK, Draw(kMostSliceValues)).bytes.size(), plain / 20);
}

TEST(CodecTest, PackedAndPlainPayloadsDecodeToTheSameValues) {
  for (const Codec codec : kCodecs) {
    for (const size_t size : kSizes) {
      const std::string plain = Plain(codec, Draw(size));
      const auto from_plain = Decode(codec, false, plain, size);
      const auto from_packed = Decode(codec, true, Packed(codec, plain), size);
      ASSERT_TRUE(from_plain.ok()) << from_plain.status();
      ASSERT_TRUE(from_packed.ok()) << from_packed.status();
      EXPECT_EQ(*from_plain, *from_packed) << CodecName(codec) << " " << size;
    }
  }
}

TEST(CodecTest, ZerosCompressToAlmostNothing) {
  for (const Codec codec : kCodecs) {
    const std::vector<float> zeros(1 << 16);
    const CodedPayload coded = EncodeValues(codec, zeros);
    // Of topk there is nothing to pack.
    EXPECT_EQ(coded.compressed, HasOneSize(codec)) << CodecName(codec);
    EXPECT_LT(coded.bytes.size(), 1000u) << CodecName(codec);
    EXPECT_EQ(ThereAndBack(codec, zeros), zeros) << CodecName(codec);
  }
}

TEST(CodecTest, WhatDoesNotShrinkIsNotCompressed) {
  RandomStream stream(1, "noise");
  std::string noise(4096, '\0');
  for (char& c : noise) c = static_cast<char>(stream.Next());
  std::vector<float> values(noise.size() / 4);
  memcpy(values.data(), noise.data(), noise.size());
  const CodedPayload coded = EncodeValues(Codec::kF32, values);
  EXPECT_FALSE(coded.compressed);
  EXPECT_EQ(coded.bytes, noise);
}

TEST(CodecTest, PayloadsAreThoseOfTheDocument) {
  for (const Codec codec : kCodecs) {
    const Documented& example = DocumentedOf(codec);
    EXPECT_EQ(*Decode(codec, false, example.payload, example.values.size()), example.values)
        << CodecName(codec);
    // topk's example shows two entries, of which an encoder would send the larger one.
    if (HasOneSize(codec)) {
      EXPECT_EQ(Plain(codec, example.values), example.payload) << CodecName(codec);
    }
  }
  EXPECT_EQ(*Decode(Codec::kF16, true,
                    Bytes({0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x80, 0x5d, 0x00, 0x00, 0x18,
                           0x00, 0x00, 0x3c, 0x02, 0x00, 0x04, 0x92, 0x98, 0x04, 0xb0}),
                    64),
            std::vector<float>(64, 1.0F));
}

TEST(CodecTest, BlocksKeepTheirOwnScale) {
  std::vector<float> values(512, 1e-6F);
  values[300] = 1000;
  const std::vector<float> int8 = ThereAndBack(Codec::kInt8Block, values);
  EXPECT_NEAR(int8[0], 1e-6, 1e-8);  // its block has small values only
  EXPECT_NEAR(int8[255], 1e-6, 1e-8);
  EXPECT_NEAR(int8[300], 1000, 1e-3);
  EXPECT_EQ(int8[301], 0);
  const std::vector<float> int4 = ThereAndBack(Codec::kInt4Block, values);
  EXPECT_NEAR(int4[255], 1e-6, 1e-8);  // int4 blocks are of 64: 256 ... 319 have the large value
  EXPECT_EQ(int4[256], 0);
  EXPECT_NEAR(int4[300], 1000, 10);
  EXPECT_NEAR(int4[320], 1e-6, 1e-8);
}

TEST(CodecTest, SubnormalBlocksDoNotBecomeNan) {
  const std::vector<float> values(256, std::numeric_limits<float>::denorm_min());
  for (const Codec codec : kCodecs) {
    for (const float value : ThereAndBack(codec, values)) {
      EXPECT_TRUE(std::isfinite(value)) << CodecName(codec);
    }
  }
}

TEST(CodecTest, NoBlockCodecExceedsTheLargestMagnitudeByMuch) {
  // A receiver refuses what lies beyond its limit, also where only rounding put it there.
  for (const Codec codec : {Codec::kInt8Block, Codec::kInt4Block}) {
    const std::vector<float> values = Draw(4096);
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    for (const float value : ThereAndBack(codec, values)) {
      EXPECT_LE(std::abs(value), largest * (1 + 0x1p-7F)) << CodecName(codec);
    }
  }
}

TEST(CodecTest, RefusesAPayloadOfAnotherSize) {
  for (const Codec codec : kCodecs) {
    for (const size_t size : kSizes) {
      if (!HasOneSize(codec)) continue;
      const std::string plain = Plain(codec, Draw(size));
      for (const std::string& other : {plain + "x", plain.substr(1), std::string()}) {
        for (const bool compressed : {false, true}) {
          EXPECT_EQ(Decode(codec, compressed, compressed ? Packed(codec, other) : other, size)
                        .status()
                        .code(),
                    absl::StatusCode::kInvalidArgument)
              << CodecName(codec) << " " << size << " " << other.size();
        }
      }
    }
    const CodedPayload coded = EncodeValues(codec, Draw(1000));
    if (!HasOneSize(codec)) continue;
    for (const size_t count : {size_t{999}, size_t{1001}}) {
      // Two values share a byte in int4, but 999 values fill as many as 1000.
      if (CodedBytes(codec, count) == CodedBytes(codec, 1000)) continue;
      EXPECT_EQ(Decode(codec, coded.compressed, coded.bytes, count).status().code(),
                absl::StatusCode::kInvalidArgument)
          << CodecName(codec) << " " << count;
    }
  }
}

TEST(CodecTest, RefusesATopKPayloadThatIsNotWholeEntriesOrHasTooMany) {
  const std::string plain = Plain(Codec::kTopK, Draw(1000));
  for (const std::string& bad :
       {plain + "x", plain + "xy", plain.substr(1), std::string(4004, '\0')}) {
    EXPECT_EQ(Decode(Codec::kTopK, false, bad, 1000).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Decode(Codec::kTopK, true, Packed(Codec::kTopK, bad), 1000).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // As many entries as values: all gaps are 0.
  EXPECT_TRUE(Decode(Codec::kTopK, false, std::string(4000, '\0'), 1000).ok());
}

TEST(CodecTest, RefusesTheInt4CodeZero) {
  std::string plain = Plain(Codec::kInt4Block, Draw(1000));
  plain.back() = static_cast<char>(plain.back() & 0x0f);
  EXPECT_EQ(Decode(Codec::kInt4Block, false, plain, 1000).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CodecTest, ABombIsNotUnpackedBeyondItsCount) {
  const std::string zeros(64 << 20, '\0');
  std::string packed(ZSTD_compressBound(zeros.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 1));
  for (const Codec codec : kCodecs) {
    std::string scratch;
    const absl::Status status = DecodeValues(codec, true, packed, 1000, &scratch,
                                             [](size_t, absl::Span<const float>) { FAIL(); });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << CodecName(codec);
    EXPECT_LE(scratch.capacity(), 8000u) << CodecName(codec);
  }
}

TEST(CodecTest, ADamagedByteIsRefusedOrGivesAsManyValues) {
  // The checksum, which would find it, is another's business; this is about bytes made on purpose.
  constexpr size_t kCount = 4500;
  RandomStream stream(1, "damage");
  for (const Codec codec : kCodecs) {
    const std::string plain = Plain(codec, Draw(kCount));
    const std::string packed = Packed(codec, plain);
    for (int round = 0; round < 400; ++round) {
      for (const bool compressed : {false, true}) {
        std::string damaged = compressed ? packed : plain;
        // Every other time in front, where frames and scales have their headers.
        const size_t at = stream.Below(round % 2 == 0 ? 24 : damaged.size());
        damaged[at] =
            static_cast<char>(static_cast<uint8_t>(damaged[at]) ^ (1 + stream.Below(255)));
        // Decode() itself sees to the number of values.
        const auto back = Decode(codec, compressed, damaged, kCount);
        if (back.ok()) continue;
        EXPECT_EQ(back.status().code(), absl::StatusCode::kInvalidArgument);
      }
    }
  }
}

TEST(CodecTest, RoundingIsWhatTheCodecDoes) {
  const std::vector<float> values = Draw(5000, 3);
  for (const Codec codec : kCodecs) {
    std::vector<float> rounded = values;
    RoundTo(codec, absl::MakeSpan(rounded));
    if (MayCarryModel(RowOf(codec))) {
      EXPECT_EQ(rounded, ThereAndBack(codec, values));
    } else {
      EXPECT_EQ(rounded, values);
    }
  }
}

}  // namespace
}  // namespace tributary
