#include "common/tensor/state_dict.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(TensorTest, CountsElements) {
  EXPECT_EQ(ElementCount({2, 3, 4}), 24);
  EXPECT_EQ(ElementCount({}), 1);
  EXPECT_EQ(ElementCount({5, 0}), 0);
  EXPECT_EQ(ShapeToString({384, 128}), "[384, 128]");
}

TEST(StateDictTest, KeepsTheOrderOfInsertionAndFindsByName) {
  StateDict state;
  ASSERT_TRUE(state.Add("b", {{2}, {1, 2}}).ok());
  ASSERT_TRUE(state.Add("a", {{1, 1}, {3}}).ok());
  EXPECT_EQ(state[0].name, "b");
  EXPECT_EQ(state[1].name, "a");
  EXPECT_EQ(state.Find("a")->values[0], 3);
  EXPECT_EQ(state.Find("c"), nullptr);
  EXPECT_EQ(state.ElementCount(), 3);
}

TEST(StateDictTest, RefusesANameTwice) {
  StateDict state;
  ASSERT_TRUE(state.Add("a", Tensor::Zeros({1})).ok());
  EXPECT_EQ(state.Add("a", Tensor::Zeros({1})).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(state.size(), 1u);
}

TEST(StateDictTest, RefusesValuesThatDoNotFillTheShape) {
  StateDict state;
  EXPECT_EQ(state.Add("a", {{3}, {1, 2}}).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
