#include "common/codec/kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace tributary {
namespace {

// Around the widths of vector registers, where a loop's tail begins.
constexpr size_t kSizes[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1001};

const char* Bytes(const std::vector<uint16_t>& halves) {
  return reinterpret_cast<const char*>(halves.data());
}

std::string Noise(size_t size) {
  RandomStream stream(1, "kernels_test");
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(stream.Next());
  return bytes;
}

TEST(KernelsTest, EveryHalfSurvivesTheWayToFloatAndBack) {
  std::vector<uint16_t> halves, back(1 << 16);
  for (uint32_t bits = 0; bits < 1 << 16; ++bits) halves.push_back(static_cast<uint16_t>(bits));
  std::vector<float> values(halves.size());
  HalvesToFloats(Bytes(halves), absl::MakeSpan(values));
  FloatsToHalves(values, back.data());
  for (size_t i = 0; i < halves.size(); ++i) {
    if (std::isnan(values[i])) continue;
    ASSERT_EQ(back[i], halves[i]) << values[i];
  }
}

TEST(KernelsTest, RoundsToNearestWithTiesToEven) {
  const std::vector<float> values = {1.0F,     1.0F + 0x1p-11F, 1.0F + 3 * 0x1p-11F, 65504.0F,
                                     65520.0F, 0x1p-25F,        0x1.8p-25F,          -0x1p-24F};
  const std::vector<uint16_t> expected = {0x3c00, 0x3c00, 0x3c02, 0x7bff,
                                          0x7c00, 0x0000, 0x0001, 0x8001};
  std::vector<uint16_t> halves(values.size());
  FloatsToHalves(values, halves.data());
  EXPECT_EQ(halves, expected);
}

TEST(KernelsTest, KeepsInfinityAndNan) {
  const std::vector<float> values = {std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
  std::vector<uint16_t> halves(2);
  std::vector<float> back(2);
  FloatsToHalves(values, halves.data());
  HalvesToFloats(Bytes(halves), absl::MakeSpan(back));
  EXPECT_TRUE(std::isinf(back[0]));
  EXPECT_TRUE(std::isnan(back[1]));
  FloatsToBrainFloats(values, halves.data());
  BrainFloatsToFloats(Bytes(halves), absl::MakeSpan(back));
  EXPECT_TRUE(std::isinf(back[0]));
  EXPECT_TRUE(std::isnan(back[1]));
}

TEST(KernelsTest, ANanWithLowBitsAloneDoesNotBecomeInfinity) {
  const std::vector<float> values = {std::bit_cast<float>(0x7f800001U),
                                     std::bit_cast<float>(0xffffffffU)};
  std::vector<uint16_t> halves(2);
  std::vector<float> back(2);
  FloatsToHalves(values, halves.data());
  HalvesToFloats(Bytes(halves), absl::MakeSpan(back));
  EXPECT_TRUE(std::isnan(back[0]) && std::isnan(back[1]));
  FloatsToBrainFloats(values, halves.data());
  BrainFloatsToFloats(Bytes(halves), absl::MakeSpan(back));
  EXPECT_TRUE(std::isnan(back[0]) && std::isnan(back[1]));
}

TEST(KernelsTest, BrainFloatsRoundToNearestWithTiesToEven) {
  const std::vector<float> values = {1.0F, 1.0F + 0x1p-8F, 1.0F + 3 * 0x1p-8F, -1.0F};
  const std::vector<uint16_t> expected = {0x3f80, 0x3f80, 0x3f82, 0xbf80};
  std::vector<uint16_t> halves(values.size());
  FloatsToBrainFloats(values, halves.data());
  EXPECT_EQ(halves, expected);
}

TEST(KernelsTest, HalvesAreTheSameInTheTailAsInTheBody) {
  std::vector<float> values(1001);
  RandomStream stream(2, "kernels_test");
  for (float& value : values) value = std::bit_cast<float>(static_cast<uint32_t>(stream.Next()));
  std::vector<uint16_t> together(values.size()), alone(values.size());
  FloatsToHalves(values, together.data());
  for (size_t i = 0; i < values.size(); ++i) {
    FloatsToHalves(absl::MakeSpan(values).subspan(i, 1), &alone[i]);
  }
  EXPECT_EQ(together, alone);
}

TEST(KernelsTest, TheLargestMagnitudeIgnoresSignAndRanksNanAboveAll) {
  EXPECT_EQ(LargestMagnitudeBits({}), 0u);
  for (const size_t size : kSizes) {
    if (size == 0) continue;
    std::vector<float> values(size, 0.25F);
    values[size - 1] = -3;
    EXPECT_EQ(LargestMagnitudeBits(values), std::bit_cast<uint32_t>(3.0F)) << size;
    values[size / 2] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(LargestMagnitudeBits(values), 0x7f800000u) << size;
    values[0] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_GT(LargestMagnitudeBits(values), 0x7f800000u) << size;
  }
}

TEST(KernelsTest, PlanesHoldFirstBytesThenSecondBytes) {
  std::string planes(6, '\0');
  SplitPlanes2("aAbBcC", 3, planes.data());
  EXPECT_EQ(planes, "abcABC");
  planes.resize(8);
  SplitPlanes4("abcdABCD", 2, planes.data());
  EXPECT_EQ(planes, "aAbBcCdD");
}

TEST(KernelsTest, PlanesGoThereAndBackForAnyNumberOfItems) {
  for (const size_t size : kSizes) {
    const std::string items = Noise(4 * size);
    std::string planes(4 * size, '\0'), back(4 * size, '\0');
    SplitPlanes4(items.data(), size, planes.data());
    for (size_t i = 0; i < size; ++i) {
      for (size_t plane = 0; plane < 4; ++plane) {
        ASSERT_EQ(planes[plane * size + i], items[4 * i + plane]) << size;
      }
    }
    JoinPlanes4(planes.data(), size, size, back.data());
    EXPECT_EQ(back, items) << size;
    SplitPlanes2(items.data(), 2 * size, planes.data());
    for (size_t i = 0; i < 2 * size; ++i) {
      ASSERT_EQ(planes[i], items[2 * i]) << size;
      ASSERT_EQ(planes[2 * size + i], items[2 * i + 1]) << size;
    }
    JoinPlanes2(planes.data(), 2 * size, 2 * size, back.data());
    EXPECT_EQ(back, items) << size;
  }
}

TEST(KernelsTest, APartOfPlanesCanBeJoined) {
  constexpr size_t kItems = 501, kBegin = 77, kCount = 301;
  const std::string items = Noise(4 * kItems);
  std::string planes(4 * kItems, '\0'), back(4 * kCount, '\0');
  SplitPlanes4(items.data(), kItems, planes.data());
  JoinPlanes4(planes.data() + kBegin, kItems, kCount, back.data());
  EXPECT_EQ(back, items.substr(4 * kBegin, 4 * kCount));
  planes.resize(2 * kItems);
  back.resize(2 * kCount);
  SplitPlanes2(items.data(), kItems, planes.data());
  JoinPlanes2(planes.data() + kBegin, kItems, kCount, back.data());
  EXPECT_EQ(back, items.substr(2 * kBegin, 2 * kCount));
}

std::vector<int> Quantised(const std::vector<float>& values, float inverse, float most) {
  std::vector<int8_t> codes(values.size());
  Quantise(values, inverse, most, codes.data());
  return {codes.begin(), codes.end()};
}

TEST(KernelsTest, QuantiseRoundsTiesToEven) {
  EXPECT_EQ(Quantised({0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 0.49F, 0.51F, -3.2F}, 1, 127),
            (std::vector<int>{0, 2, 2, 0, -2, -2, 0, 1, -3}));
  EXPECT_EQ(Quantised({0.25F, 0.75F, 125.5F / 2, 126.5F / 2}, 2, 127),
            (std::vector<int>{0, 2, 126, 126}));
}

TEST(KernelsTest, QuantiseClampsBothEnds) {
  EXPECT_EQ(Quantised({127.4F, 127.6F, 1e30F, -127.6F, -1e30F, 3.4e38F}, 1, 127),
            (std::vector<int>{127, 127, 127, -127, -127, 127}));
  EXPECT_EQ(Quantised({6.5F, 7.5F, -7.5F, -100}, 1, 7), (std::vector<int>{6, 7, -7, -7}));
  // The product itself overflows.
  EXPECT_EQ(Quantised({3e38F, -3e38F}, 100, 7), (std::vector<int>{7, -7}));
}

TEST(KernelsTest, QuantiseAndScaleAreTheSameInTheTailAsInTheBody) {
  RandomStream stream(3, "kernels_test");
  for (const size_t size : kSizes) {
    std::vector<float> values(size), scaled(size);
    for (float& value : values) value = static_cast<float>(50 * stream.Normal());
    std::vector<int8_t> codes(size);
    Quantise(values, 1.25F, 127, codes.data());
    Scale(codes.data(), 0.8F, absl::MakeSpan(scaled));
    for (size_t i = 0; i < size; ++i) {
      int8_t code;
      Quantise(absl::MakeSpan(values).subspan(i, 1), 1.25F, 127, &code);
      ASSERT_EQ(codes[i], code);
      ASSERT_EQ(scaled[i], 0.8F * static_cast<float>(code));
    }
  }
}

TEST(KernelsTest, NibblesGoThereAndBackForAnyNumberOfCodes) {
  for (const size_t size : kSizes) {
    std::vector<int8_t> codes(size);
    for (size_t i = 0; i < size; ++i) codes[i] = static_cast<int8_t>(i * 4 % 15) - 7;
    std::vector<uint8_t> bytes((size + 1) / 2);
    PackNibbles(codes.data(), size, bytes.data());
    std::vector<float> values(size);
    EXPECT_TRUE(ScaleNibbles(bytes.data(), 0.5F, absl::MakeSpan(values)));
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(values[i], 0.5F * static_cast<float>(codes[i]));
  }
}

TEST(KernelsTest, TheEarlierNibbleIsTheLowOne) {
  const int8_t codes[] = {7, -2, 1};
  uint8_t bytes[2];
  PackNibbles(codes, 3, bytes);
  EXPECT_EQ(bytes[0], 0x6f);
  EXPECT_EQ(bytes[1], 0x89);
}

TEST(KernelsTest, TheNibbleZeroIsReportedWhereverItStands) {
  for (const size_t size : kSizes) {
    for (size_t i = 0; i < size; ++i) {
      std::vector<uint8_t> bytes((size + 1) / 2, 0x88);
      bytes[i / 2] = i % 2 == 0 ? 0x80 : 0x08;
      std::vector<float> values(size);
      EXPECT_FALSE(ScaleNibbles(bytes.data(), 1, absl::MakeSpan(values))) << size << " " << i;
    }
  }
  // The half byte behind an odd number of codes means nothing.
  const uint8_t last = 0x08;
  float value;
  EXPECT_TRUE(ScaleNibbles(&last, 1, absl::MakeSpan(&value, 1)));
}

}  // namespace
}  // namespace tributary
