#include "common/codec/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>

#include "common/base/hash.h"
#include "common/base/random.h"

namespace tributary {
namespace {

constexpr Codec kAll[] = {Codec::kF32, Codec::kF16, Codec::kBf16, Codec::kInt8Block};

std::vector<float> Draw(size_t count, double scale = 0.01) {
  RandomStream stream(1, "codec_test");
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(scale * stream.Normal());
  return values;
}

std::vector<float> ThereAndBack(Codec codec, const std::vector<float>& values) {
  v1::TensorSlice slice;
  EncodeSlice(codec, values, &slice);
  std::vector<float> back(values.size());
  const absl::Status status = DecodeSlice(slice, absl::MakeSpan(back));
  EXPECT_TRUE(status.ok()) << status;
  return back;
}

double RelativeError(const std::vector<float>& values, const std::vector<float>& back) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(values[i] - back[i], 2);
    norm += std::pow(values[i], 2);
  }
  return std::sqrt(error / norm);
}

TEST(CodecTest, F32IsLossless) {
  const std::vector<float> values = Draw(10'001);
  EXPECT_EQ(ThereAndBack(Codec::kF32, values), values);
}

TEST(CodecTest, LossyCodecsStayWithinTheirDocumentedErrors) {
  const std::vector<float> values = Draw(10'001);
  EXPECT_LT(RelativeError(values, ThereAndBack(Codec::kF16, values)), 3e-4);
  EXPECT_LT(RelativeError(values, ThereAndBack(Codec::kBf16, values)), 2e-3);
  EXPECT_LT(RelativeError(values, ThereAndBack(Codec::kInt8Block, values)), 1e-2);
}

TEST(CodecTest, NamesAndNumbersAgree) {
  for (const Codec codec : kAll) {
    EXPECT_EQ(*CodecFromProto(CodecToProto(codec)), codec);
    EXPECT_NE(CodecName(codec), "unknown");
  }
  EXPECT_EQ(CodecFromProto(static_cast<v1::Codec>(77)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CodecTest, ZerosCompressToAlmostNothing) {
  for (const Codec codec : kAll) {
    v1::TensorSlice slice;
    EncodeSlice(codec, std::vector<float>(1 << 16), &slice);
    EXPECT_TRUE(slice.compressed());
    EXPECT_LT(slice.payload().size(), 1000u);
  }
}

TEST(CodecTest, WhatDoesNotShrinkIsNotCompressed) {
  RandomStream stream(1, "noise");
  std::string noise(4096, '\0');
  for (char& c : noise) c = static_cast<char>(stream.Next());
  std::vector<float> values(noise.size() / 4);
  memcpy(values.data(), noise.data(), noise.size());
  v1::TensorSlice slice;
  EncodeSlice(Codec::kF32, values, &slice);
  EXPECT_FALSE(slice.compressed());
  EXPECT_EQ(slice.payload(), noise);
}

TEST(CodecTest, Int8KeepsEachBlocksScale) {
  std::vector<float> values(512, 1e-6F);
  values[300] = 1000;
  const std::vector<float> back = ThereAndBack(Codec::kInt8Block, values);
  EXPECT_NEAR(back[0], 1e-6, 1e-8);  // its block has small values only
  EXPECT_NEAR(back[300], 1000, 1e-3);
  EXPECT_EQ(back[301], 0);
}

TEST(CodecTest, SubnormalBlocksDoNotBecomeNan) {
  const std::vector<float> values(256, std::numeric_limits<float>::denorm_min());
  for (const float value : ThereAndBack(Codec::kInt8Block, values))
    EXPECT_TRUE(std::isfinite(value));
}

v1::TensorSlice Good() {
  v1::TensorSlice slice;
  EncodeSlice(Codec::kF16, Draw(1000), &slice);
  return slice;
}

absl::StatusCode Decode(const v1::TensorSlice& slice, size_t count = 1000) {
  std::vector<float> out(count);
  return DecodeSlice(slice, absl::MakeSpan(out)).code();
}

TEST(CodecTest, RefusesAWrongChecksum) {
  v1::TensorSlice slice = Good();
  slice.set_checksum(slice.checksum() + 1);
  EXPECT_EQ(Decode(slice), absl::StatusCode::kDataLoss);
}

TEST(CodecTest, RefusesAPayloadOfAnotherSize) {
  EXPECT_EQ(Decode(Good(), 999), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode(Good(), 1001), absl::StatusCode::kInvalidArgument);
}

TEST(CodecTest, ABombIsNotUnpackedBeyondItsCount) {
  const std::string zeros(64 << 20, '\0');
  std::string packed(ZSTD_compressBound(zeros.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 1));
  v1::TensorSlice slice;
  slice.set_codec(v1::CODEC_F32);
  slice.set_compressed(true);
  slice.set_checksum(Checksum(packed));
  slice.set_payload(packed);
  EXPECT_EQ(Decode(slice), absl::StatusCode::kInvalidArgument);
}

TEST(CodecTest, RefusesNanAndInfinity) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values = Draw(1000);
    values[617] = bad;
    v1::TensorSlice slice;
    EncodeSlice(Codec::kF32, values, &slice);
    std::vector<float> out(1000);
    const absl::Status status = DecodeSlice(slice, absl::MakeSpan(out));
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_NE(status.message().find("617"), std::string::npos);
  }
}

}  // namespace
}  // namespace tributary
