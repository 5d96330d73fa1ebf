#include "common/tensor/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class SafetensorsTest : public testing::Test {
 protected:
  const ScratchFolder scratch_;
};

StateDict Small() {
  StateDict state;
  EXPECT_TRUE(state.Add("z.first", {{2, 2}, {1, 2, 3, 4}}).ok());
  EXPECT_TRUE(state.Add("a.scalar", {{}, {5}}).ok());
  EXPECT_TRUE(state.Add("m.empty", {{0, 3}, {}}).ok());
  return state;
}

// A file with the given header and as many zero bytes of values.
std::string Raw(const std::string& header, size_t values) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header +
         std::string(values, '\0');
}

TEST_F(SafetensorsTest, ReadsBackWhatWasWrittenInItsOrder) {
  ASSERT_TRUE(WriteSafetensors(scratch_ / "round", Small(), {{"round", "3"}}).ok());
  const auto state = ReadSafetensors(scratch_ / "round");
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_EQ(state->size(), 3u);
  EXPECT_EQ((*state)[0].name, "z.first");
  EXPECT_EQ(state->Find("z.first")->values, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(state->Find("a.scalar")->values, std::vector<float>{5});
  EXPECT_EQ(state->Find("m.empty")->shape, (Shape{0, 3}));
}

TEST_F(SafetensorsTest, ValuesStartAligned) {
  ASSERT_TRUE(WriteSafetensors(scratch_ / "aligned", Small()).ok());
  const std::string content = *ReadFile(scratch_ / "aligned");
  uint64_t length;
  memcpy(&length, content.data(), 8);
  EXPECT_EQ(length % 8, 0u);
}

TEST_F(SafetensorsTest, EveryTruncationIsRefused) {
  ASSERT_TRUE(WriteSafetensors(scratch_ / "whole", Small()).ok());
  const std::string whole = *ReadFile(scratch_ / "whole");
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(WriteFileAtomically(scratch_ / "cut", whole.substr(0, size)).ok());
    EXPECT_FALSE(ReadSafetensors(scratch_ / "cut").ok()) << size;
  }
}

TEST_F(SafetensorsTest, LyingHeadersAreRefused) {
  const char* const headers[] = {
      R"([1, 2])",
      R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})",   // shape and bytes
                                                                            // disagree
      R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}})",  // beyond the end
      R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}})",   // backwards
      R"({"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}})",   // no such type
      R"({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})",  // negative
      R"({"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 8]}})",
      R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
          "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",  // overlap
      R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",  // gap
      R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",  // bytes of nobody
      R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
          "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",  // a name twice
      R"({"a": {"dtype": "F32"}})", R"({"a": 3})"};
  for (const char* header : headers) {
    ASSERT_TRUE(WriteFileAtomically(scratch_ / "lie", Raw(header, 8)).ok());
    const auto state = ReadSafetensors(scratch_ / "lie");
    EXPECT_EQ(state.status().code(), absl::StatusCode::kDataLoss) << header << state.status();
  }
}

TEST_F(SafetensorsTest, AHeaderLongerThanTheFileIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "huge", std::string(16, '\xff')).ok());
  EXPECT_EQ(ReadSafetensors(scratch_ / "huge").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SafetensorsTest, OtherTypesAreNamed) {
  ASSERT_TRUE(WriteFileAtomically(
                  scratch_ / "i64",
                  Raw(R"({"ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}})", 8))
                  .ok());
  EXPECT_NE(ReadSafetensors(scratch_ / "i64").status().message().find("ids is I64"),
            std::string::npos);
  const auto file = SafetensorsFile::Open(scratch_ / "i64");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->Find("ids")->bytes.size(), 8u);
}

TEST(ModelHashTest, DependsOnNamesAndValuesButNotOnTheOrderInAState) {
  StateDict ab, ba;
  ASSERT_TRUE(ab.Add("a", {{1}, {1}}).ok());
  ASSERT_TRUE(ab.Add("b", {{1}, {2}}).ok());
  ASSERT_TRUE(ba.Add("b", {{1}, {2}}).ok());
  ASSERT_TRUE(ba.Add("a", {{1}, {1}}).ok());
  EXPECT_EQ(ModelHash({{"m", ab}}), ModelHash({{"m", ba}}));
  EXPECT_NE(ModelHash({{"m", ab}}), ModelHash({{"n", ab}}));
  ba.Find("a")->values[0] = 1.5F;
  EXPECT_NE(ModelHash({{"m", ab}}), ModelHash({{"m", ba}}));
}

}  // namespace
}  // namespace tributary
