#include "server/aggregation/fixed_point.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace tributary {
namespace {

// The definition, a value at a time.
std::vector<int64_t> Reference(const std::vector<float>& values, double scale,
                               std::vector<int64_t> sums) {
  for (size_t i = 0; i < values.size(); ++i) {
    const double product = static_cast<double>(values[i]) * scale;
    sums[i] += static_cast<int64_t>(std::nearbyint(product));
  }
  return sums;
}

void ExpectExact(const std::vector<float>& values, double scale) {
  std::vector<int64_t> sums;
  for (size_t i = 0; i < values.size(); ++i) {
    sums.push_back(static_cast<int64_t>(i) * 0x123456789ab - 0x3456789abcd);
  }
  const std::vector<int64_t> expected = Reference(values, scale, sums);
  AddFixedPoint(values, scale, absl::MakeSpan(sums));
  ASSERT_EQ(sums, expected) << values.size() << " values, scale " << scale;
}

constexpr float kTwo20 = 1 << 20;
const float kAdversarial[] = {0.0F, -0.0F, 1.0F, -1.0F, kTwo20, -kTwo20,
                              std::nextafter(kTwo20, 0.0F), std::numeric_limits<float>::min(),
                              std::numeric_limits<float>::denorm_min(),
                              -std::numeric_limits<float>::denorm_min(), 0x1.fffffep-127F,
                              // With scale 2^40 exactly between two integers ...
                              0x1p-41F, -0x1p-41F, 0x3p-41F, -0x3p-41F, 0x5p-41F, 0x7ffffdp-41F,
                              // ... and just beside.
                              0x1.000002p-41F, 0x1.fffffep-42F, -0x1.000002p-41F, 0x1.8p-40F,
                              // Products just below and above 2^51, where the ways part.
                              0x1p11F, -0x1p11F, 0x1.fffffep10F, 0x1.000002p11F, 0x1.234566p5F,
                              0x1.fffffep10F / 3, 1e-30F, -1e-10F};
constexpr double kScales[] = {
    0x1p40, 0x1p39,        0x1p40 / 3,    0x1p40 * 0.7,   0x1p40 * 1e-6, 0x1.fffffffffffffp39,
    0x1p31, 0x1.000002p31, 0x1.fffffep30, 0x1p40 * 0.002, 0x1.8p39,      0};

TEST(FixedPointTest, EachAdversarialValueIsRoundedToTheNearestTiesToEven) {
  for (const double scale : kScales) {
    for (const float value : kAdversarial) ExpectExact({value}, scale);
  }
}

TEST(FixedPointTest, AnyLengthGivesTheScalarBits) {
  RandomStream stream(1, "lengths");
  for (const double scale : kScales) {
    for (size_t length = 0; length <= 70; ++length) {
      std::vector<float> values;
      // One value beyond 2^51 sends all of a call the other way; most calls must have none.
      const float most = length % 3 == 0 ? kTwo20 * 2 : 0x1p10F;
      while (values.size() < length) {
        const float value = kAdversarial[stream.Below(std::size(kAdversarial))];
        if (std::abs(value) < most) values.push_back(value);
      }
      ExpectExact(values, scale);
    }
  }
}

TEST(FixedPointTest, RandomValuesOfAllMagnitudesGiveTheScalarBits) {
  RandomStream stream(2, "magnitudes");
  for (int round = 0; round < 300; ++round) {
    std::vector<float> values(stream.Below(71));
    for (float& value : values) {
      value = static_cast<float>(stream.Normal() * std::exp2(60 * stream.Uniform() - 50));
    }
    ExpectExact(values, kFixedPointOne * stream.Uniform());
  }
}

TEST(FixedPointTest, TiesGoToTheEvenNeighbour) {
  const std::vector<float> ties = {0x1p-41F, 0x3p-41F, 0x5p-41F, -0x1p-41F, -0x3p-41F, -0x5p-41F};
  std::vector<int64_t> sums(ties.size());
  AddFixedPoint(ties, kFixedPointOne, absl::MakeSpan(sums));
  EXPECT_EQ(sums, (std::vector<int64_t>{0, 2, 2, 0, -2, -2}));
}

TEST(FixedPointTest, ReadingRoundsAsAConversionDoes) {
  RandomStream stream(3, "sums");
  for (size_t length = 0; length <= 70; ++length) {
    std::vector<int64_t> sums;
    for (size_t i = 0; i < length; ++i) {
      const auto bits = static_cast<int64_t>(stream.Uniform() * 0x1p53) * 0x1f7 + 1;
      sums.push_back((i % 2 == 0 ? bits : -bits) >> (i % 60));
    }
    if (length > 3) sums[2] = (int64_t{1} << 61) - 1, sums[3] = -(int64_t{1} << 53) - 1;
    std::vector<double> expected, read(length);
    for (const int64_t sum : sums) expected.push_back(static_cast<double>(sum) / kFixedPointOne);
    ReadFixedPoint(sums, absl::MakeSpan(read));
    EXPECT_EQ(read, expected);
  }
}

TEST(FixedPointTest, SumsAreAddedStepByStepAsDoublesAtAnyLength) {
  RandomStream stream(3, "sums");
  for (const double factor : {1.0, 0.5, 1.0 / 3, 1.7}) {
    for (size_t length = 0; length <= 70; ++length) {
      std::vector<int64_t> sums(length);
      std::vector<float> values(length), expected(length);
      for (size_t i = 0; i < length; ++i) {
        sums[i] = static_cast<int64_t>(stream.Normal() * std::exp2(10 + 50 * stream.Uniform()));
        values[i] = static_cast<float>(stream.Normal());
        const double sum = static_cast<double>(sums[i]) / kFixedPointOne;
        expected[i] = static_cast<float>(static_cast<double>(values[i]) + sum * factor);
      }
      AddSums(sums, factor, absl::MakeSpan(values));
      ASSERT_EQ(values, expected) << length << " values, factor " << factor;
    }
  }
}

}  // namespace
}  // namespace tributary
