#include "common/base/huge_array.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

namespace tributary {
namespace {

// Around the size from which huge pages are asked for, in values of 8 bytes.
constexpr size_t kHugePageValues = (2 << 20) / sizeof(int64_t);

TEST(HugeArrayTest, IsEmptyByDefault) {
  HugeArray<int> array;
  EXPECT_EQ(array.size(), 0u);
  EXPECT_EQ(array.data(), nullptr);
  EXPECT_EQ(array.begin(), array.end());
  EXPECT_EQ(HugeArray<int>(0).data(), nullptr);
}

TEST(HugeArrayTest, BeginsWithZerosInEverySize) {
  for (const size_t size :
       {size_t{1}, size_t{1000}, kHugePageValues - 1, kHugePageValues, 2 * kHugePageValues + 7}) {
    HugeArray<int64_t> array(size);
    ASSERT_EQ(array.size(), size);
    EXPECT_TRUE(std::all_of(array.begin(), array.end(), [](int64_t value) { return value == 0; }))
        << size;
  }
}

TEST(HugeArrayTest, KeepsWhatIsWrittenUpToTheLastValue) {
  HugeArray<int64_t> array(kHugePageValues + 3);
  std::iota(array.begin(), array.end(), 10);
  const HugeArray<int64_t>& read = array;
  EXPECT_EQ(read[0], 10);
  EXPECT_EQ(read[array.size() - 1], static_cast<int64_t>(array.size()) + 9);
  EXPECT_EQ(read.data()[kHugePageValues], static_cast<int64_t>(kHugePageValues) + 10);
}

TEST(HugeArrayTest, MovingLeavesAnEmptyArrayBehind) {
  HugeArray<int> from(5);
  from[4] = 7;
  const int* const place = from.data();
  HugeArray<int> to(std::move(from));
  EXPECT_EQ(to.data(), place);
  EXPECT_EQ(to.size(), 5u);
  EXPECT_EQ(to[4], 7);
  // NOLINTNEXTLINE(bugprone-use-after-move): what is left is part of the contract.
  EXPECT_EQ(from.size(), 0u);
  EXPECT_EQ(from.data(), nullptr);
}

TEST(HugeArrayTest, AMovedInArrayReplacesTheOneThatWasThere) {
  HugeArray<int> target(3);
  target[0] = 1;
  HugeArray<int> source(4);
  source[3] = 9;
  target = std::move(source);
  ASSERT_EQ(target.size(), 4u);
  EXPECT_EQ(target[3], 9);
  target = HugeArray<int>();
  EXPECT_EQ(target.size(), 0u);
}

TEST(HugeArrayTest, AnArrayThatHasNoRoomThrowsAsAVectorDoes) {
  EXPECT_THROW(HugeArray<double>(std::numeric_limits<size_t>::max() / 2 / sizeof(double)),
               std::bad_alloc);
}

}  // namespace
}  // namespace tributary
