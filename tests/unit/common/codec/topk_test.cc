#include "common/codec/topk.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/codec/codec.h"

namespace tributary {
namespace {

using Entries = std::vector<std::pair<uint16_t, float>>;  // gap, value

std::string PayloadOf(const Entries& entries) {
  std::string gaps, halves;
  for (const auto& [gap, value] : entries) {
    gaps.append(reinterpret_cast<const char*>(&gap), 2);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    const auto half = static_cast<uint16_t>(bits >> 16);
    halves.append(reinterpret_cast<const char*>(&half), 2);
  }
  return gaps + halves;
}

// The values of a payload, read in blocks of `block`.
std::vector<float> Read(absl::string_view payload, size_t count, size_t block,
                        absl::Status* status) {
  std::vector<float> values(count, 99.0F);
  TopKReader reader(payload, count);
  for (size_t begin = 0; begin < count; begin += block) {
    reader.Fill(begin, absl::MakeSpan(values).subspan(begin, block));
  }
  *status = reader.status();
  return values;
}

std::vector<float> ThereAndBack(const std::vector<float>& values) {
  absl::Status status;
  std::vector<float> back = Read(EncodeTopK(values), values.size(), kDecodeBlock, &status);
  EXPECT_TRUE(status.ok()) << status;
  return back;
}

std::vector<float> Draw(size_t count) {
  RandomStream stream(1, "topk_test");
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(stream.Normal());
  return values;
}

size_t NonZeros(const std::vector<float>& values) {
  return static_cast<size_t>(
      std::count_if(values.begin(), values.end(), [](float value) { return value != 0; }));
}

TEST(TopKTest, WritesGapsThenBrainFloats) {
  const std::string payload = EncodeTopK({{0, 0, 3, 0, -1.5F, 0}});
  EXPECT_EQ(payload, PayloadOf({{2, 3.0F}}));
  std::vector<float> values(20);
  values[2] = 3;
  values[4] = -1.5F;
  EXPECT_EQ(EncodeTopK(values), PayloadOf({{2, 3.0F}, {1, -1.5F}}));
}

TEST(TopKTest, KeepsTheLargestShare) {
  for (const size_t count : std::initializer_list<size_t>{1, 9, 10, 11, 1000, 4097}) {
    const std::vector<float> values = Draw(count);
    const std::vector<float> back = ThereAndBack(values);
    EXPECT_EQ(NonZeros(back), (count + kTopKShare - 1) / kTopKShare);
    float least_kept = 1e9F, largest_lost = 0;
    for (size_t i = 0; i < count; ++i) {
      if (back[i] != 0) {
        EXPECT_NEAR(back[i], values[i], std::abs(values[i]) * 0x1p-8F);
        least_kept = std::min(least_kept, std::abs(values[i]));
      } else {
        largest_lost = std::max(largest_lost, std::abs(values[i]));
      }
    }
    EXPECT_GE(least_kept, largest_lost);
  }
}

TEST(TopKTest, OfEqualMagnitudesTheEarlierAreKept) {
  // Room for ten.
  std::vector<float> values(10 * kTopKShare, 1.0F);
  for (size_t i = 1; i < values.size(); i += 2) values[i] = -1;
  values[70] = 5;
  values[80] = -5;
  std::vector<float> expected(values.size());
  for (size_t i = 0; i < 8; ++i) expected[i] = values[i];
  expected[70] = 5;
  expected[80] = -5;
  EXPECT_EQ(ThereAndBack(values), expected);
}

TEST(TopKTest, ZerosAreNotSent) {
  EXPECT_EQ(EncodeTopK(std::vector<float>(1000)), "");
  EXPECT_EQ(EncodeTopK(std::vector<float>(1000, -0.0F)), "");
  std::vector<float> values(1000);
  values[999] = 0.5F;
  EXPECT_EQ(EncodeTopK(values), PayloadOf({{999, 0.5F}}));
  absl::Status status;
  EXPECT_EQ(Read("", 1000, 100, &status), std::vector<float>(1000));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(TopKTest, GapsThatSixteenBitsCannotHoldAreBridged) {
  for (const size_t place :
       std::initializer_list<size_t>{65'535, 65'536, 131'071, 131'072, (1 << 18) - 1}) {
    std::vector<float> values(1 << 18);
    values[place] = -2;
    const std::string payload = EncodeTopK(values);
    EXPECT_EQ(payload.size() / kTopKEntryBytes, 1 + place / 65'536) << place;
    EXPECT_EQ(ThereAndBack(values), values) << place;
  }
  // From one value to the next, too: a gap of 65,535 is the last that needs no bridge.
  for (const size_t second :
       std::initializer_list<size_t>{3 + 65'536, 3 + 65'537, 3 + 2 * 65'536 + 1}) {
    std::vector<float> values(1 << 18);
    values[3] = 1;
    values[second] = 1;
    EXPECT_EQ(EncodeTopK(values).size() / kTopKEntryBytes, 2 + (second - 4) / 65'536) << second;
    EXPECT_EQ(ThereAndBack(values), values) << second;
  }
}

TEST(TopKTest, BlocksOfAnySizeGiveTheSameValues) {
  const std::vector<float> values = Draw(5000);
  const std::string payload = EncodeTopK(values);
  const std::vector<float> whole = ThereAndBack(values);
  for (const size_t block : std::initializer_list<size_t>{1, 3, 64, 4999, 5000}) {
    absl::Status status;
    EXPECT_EQ(Read(payload, values.size(), block, &status), whole) << block;
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(TopKTest, RefusesEntriesOutsideTheSlice) {
  absl::Status status;
  Read(PayloadOf({{99, 1.0F}}), 100, 10, &status);
  EXPECT_TRUE(status.ok()) << status;
  for (const Entries& entries : {Entries{{100, 1.0F}}, Entries{{50, 1.0F}, {49, 1.0F}},
                                 Entries{{65'535, 0.0F}}, Entries{{99, 1.0F}, {0, 1.0F}}}) {
    const std::vector<float> values = Read(PayloadOf(entries), 100, 10, &status);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_LE(NonZeros(values), 1u);
  }
  Read(PayloadOf({{50, 1.0F}, {49, 1.0F}}), 100, 10, &status);
  EXPECT_NE(status.message().find("entry 1 at value 100 of a slice of 100"), std::string::npos)
      << status;
}

TEST(TopKTest, RefusesMoreEntriesThanTheSliceHasValues) {
  absl::Status status;
  Read(PayloadOf(Entries(101, {0, 1.0F})), 100, 10, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
