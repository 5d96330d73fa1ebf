#include "common/codec/half.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace tributary {
namespace {

absl::string_view Bytes(const std::vector<uint16_t>& halves) {
  return {reinterpret_cast<const char*>(halves.data()), halves.size() * 2};
}

TEST(HalfTest, EveryHalfSurvivesTheWayToFloatAndBack) {
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

TEST(HalfTest, RoundsToNearestWithTiesToEven) {
  const std::vector<float> values = {1.0F,     1.0F + 0x1p-11F, 1.0F + 3 * 0x1p-11F, 65504.0F,
                                     65520.0F, 0x1p-25F,        0x1.8p-25F,          -0x1p-24F};
  const std::vector<uint16_t> expected = {0x3c00, 0x3c00, 0x3c02, 0x7bff,
                                          0x7c00, 0x0000, 0x0001, 0x8001};
  std::vector<uint16_t> halves(values.size());
  FloatsToHalves(values, halves.data());
  EXPECT_EQ(halves, expected);
}

TEST(HalfTest, KeepsInfinityAndNan) {
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

TEST(HalfTest, BrainFloatsRoundToNearestWithTiesToEven) {
  const std::vector<float> values = {1.0F, 1.0F + 0x1p-8F, 1.0F + 3 * 0x1p-8F, -1.0F};
  const std::vector<uint16_t> expected = {0x3f80, 0x3f80, 0x3f82, 0xbf80};
  std::vector<uint16_t> halves(values.size());
  FloatsToBrainFloats(values, halves.data());
  EXPECT_EQ(halves, expected);
}

}  // namespace
}  // namespace tributary
