#include "tool/bench/synthetic_model.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

TEST(SyntheticModelTest, HasTheBytesAndTheTensorsThatAreAskedFor) {
  for (const int64_t bytes : {2'000'000, 22'000'000}) {
    for (const int tensors : {2, 3, 50, 51}) {
      const StateDict model = SyntheticModel(bytes, tensors);
      EXPECT_EQ(model.size(), static_cast<size_t>(tensors)) << bytes;
      const auto made = static_cast<double>(model.ElementCount() * 4);
      EXPECT_NEAR(made, static_cast<double>(bytes), 0.02 * static_cast<double>(bytes)) << tensors;
    }
  }
}

TEST(SyntheticModelTest, IsTheSameForTheSameArguments) {
  EXPECT_EQ(ModelHash({{"m", SyntheticModel(1'000'000, 9)}}),
            ModelHash({{"m", SyntheticModel(1'000'000, 9)}}));
}

TEST(SyntheticModelTest, ValuesAreSmallAndDifferFromTensorToTensor) {
  const StateDict model = SyntheticModel(2'000'000, 12);
  std::set<float> firsts;
  for (const StateDict::Entry& entry : model) {
    for (const float value : entry.tensor.values) ASSERT_LT(std::abs(value), 0.2F) << entry.name;
    firsts.insert(entry.tensor.values[0]);
  }
  EXPECT_EQ(firsts.size(), model.size());
}

TEST(SyntheticModelTest, TheTableIsAFifth) {
  const StateDict model = SyntheticModel(10'000'000, 20);
  const auto table = static_cast<double>(model.Find("table.weight")->values.size());
  EXPECT_NEAR(table / static_cast<double>(model.ElementCount()), 0.2, 0.01);
}

TEST(SyntheticModelTest, AModelTooSmallForItsTensorsStillHasThemAll) {
  EXPECT_EQ(SyntheticModel(1000, 30).size(), 30U);
}

}  // namespace
}  // namespace tributary
