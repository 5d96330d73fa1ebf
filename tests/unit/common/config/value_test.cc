#include "common/config/value.h"

#include <limits>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(ValueTest, WithinItsRangeThereIsNoComplaint) {
  EXPECT_EQ(Complaint(true, FlagRange{}), "");
  EXPECT_EQ(Complaint(std::string("any"), TextRange{}), "");
  EXPECT_EQ(Complaint(int64_t{1}, WholeRange{1, 9}), "");
  EXPECT_EQ(Complaint(int64_t{9}, WholeRange{1, 9}), "");
  EXPECT_EQ(Complaint(0.5, NumberRange{0, 0.5}), "");
  EXPECT_EQ(Complaint(absl::Seconds(1), TimeRange{absl::Seconds(1), absl::Hours(1)}), "");
  EXPECT_EQ(Complaint(std::string("b"), WordRange{{"a", "b"}}), "");
}

TEST(ValueTest, AComplaintSaysWhatItIsAndWhatItMustBe) {
  EXPECT_EQ(Complaint(int64_t{0}, WholeRange{1, 9}), "is 0; it must be a whole number from 1 to 9");
  EXPECT_EQ(Complaint(1.5, NumberRange{0, 1}), "is 1.5; it must be a number from 0 to 1");
  EXPECT_EQ(Complaint(absl::Milliseconds(10), TimeRange{absl::Seconds(1), absl::Hours(1)}),
            "is 10ms; it must be a time in quotes, such as \"90s\" or \"5m\", from 1s to 1h");
  EXPECT_EQ(Complaint(std::string("c"), WordRange{{"a", "b"}}), "is \"c\"; it must be one of a, b");
}

TEST(ValueTest, NaNIsInNoRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Complaint(nan, NumberRange{-infinity, infinity}),
            "is nan; it must be a number from -inf to inf");
}

TEST(ValueTest, AValueOfAnotherTypeIsWrong) {
  EXPECT_NE(Complaint(1.0, WholeRange{1, 9}), "");
  EXPECT_NE(Complaint(int64_t{1}, FlagRange{}), "");
  EXPECT_NE(Complaint(true, TextRange{}), "");
}

TEST(ValueTest, TomlIsWhatARunFileGives) {
  EXPECT_EQ(TomlOf(true), "true");
  EXPECT_EQ(TomlOf(int64_t{-3}), "-3");
  EXPECT_EQ(TomlOf(0.25), "0.25");
  EXPECT_EQ(TomlOf(1e-7), "1e-7");
  EXPECT_EQ(TomlOf(1e9), "1e9");
  EXPECT_EQ(TomlOf(absl::Minutes(90)), "\"1h30m\"");
  EXPECT_EQ(TomlOf(std::string("attn")), "\"attn\"");
}

}  // namespace
}  // namespace tributary
