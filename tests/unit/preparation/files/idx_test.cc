#include "preparation/files/idx.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;

std::string Header(uint8_t type, std::initializer_list<uint32_t> shape) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(shape.size())};
  for (const uint32_t side : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(side >> shift);
  }
  return bytes;
}

TEST(IdxTest, ValuesFollowTheShape) {
  const std::string bytes = Header(8, {2, 3}) + "abcdef";
  const auto array = ParseIdx(bytes);
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(array->shape, ElementsAre(2, 3));
  EXPECT_EQ(array->values, "abcdef");
}

TEST(IdxTest, AShapeThatSaysMoreOrLessThanThereIsIsRefused) {
  for (const std::string& bytes :
       {Header(8, {2, 3}) + "abcde", Header(8, {2, 3}) + "abcdefg", Header(8, {2, 3}).substr(0, 9),
        Header(8, {0, 3}) + "a", Header(8, {1U << 31, 1U << 31, 4}) + "abcdef",
        Header(8, {~0U, ~0U, ~0U, ~0U}) + "a"}) {
    EXPECT_EQ(ParseIdx(bytes).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(IdxTest, OtherTypesAndOtherFilesAreRefused) {
  for (const std::string& bytes :
       {Header(0x0D, {1}) + "abcd", Header(8, {}) + "a", Header(8, {1, 1, 1, 1, 1}) + "a",
        std::string("\x1f\x8b\x08\x01"), std::string("ab"), std::string()}) {
    EXPECT_EQ(ParseIdx(bytes).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tributary
