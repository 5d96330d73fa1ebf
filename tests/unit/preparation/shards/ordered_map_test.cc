#include "preparation/shards/ordered_map.h"

#include <atomic>
#include <vector>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(MapInOrderTest, ResultsComeInOrderFromAnyNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    std::vector<size_t> taken;
    const absl::Status status = MapInOrder<size_t>(
        threads, 3, 500, 4, [](size_t number) { return number * number; },
        [&](size_t number, size_t square) {
          EXPECT_EQ(square, number * number);
          taken.push_back(number);
          return absl::OkStatus();
        });
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(taken.size(), 497U);
    for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], i + 3);
  }
}

TEST(MapInOrderTest, NoMoreThanTheWindowIsMadeAhead) {
  std::atomic<size_t> made = 0, taken = 0;
  std::atomic<bool> too_many = false;
  const absl::Status status = MapInOrder<int>(
      3, 0, 200, 5,
      [&](size_t) {
        // The number being made is not counted yet, nor is the one being taken.
        if (made++ > taken + 5) too_many = true;
        return 0;
      },
      [&](size_t, int) {
        ++taken;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok());
  EXPECT_FALSE(too_many);
}

TEST(MapInOrderTest, AnErrorEndsIt) {
  std::atomic<size_t> made = 0;
  const absl::Status status = MapInOrder<int>(
      2, 0, 1'000'000, 4, [&](size_t) { return static_cast<int>(++made); },
      [](size_t number, int) {
        return number == 10 ? absl::DataLossError("ten") : absl::OkStatus();
      });
  EXPECT_EQ(status.message(), "ten");
  EXPECT_LE(made, 16U);
}

TEST(MapInOrderTest, NothingToDoIsDoneAtOnce) {
  EXPECT_TRUE(MapInOrder<int>(
                  4, 5, 5, 1, [](size_t) { return 0; },
                  [](size_t, int) { return absl::InternalError("called"); })
                  .ok());
}

}  // namespace
}  // namespace tributary
