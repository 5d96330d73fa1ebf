#include "preparation/datasets/medmnist_sets.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "preparation/datasets/sample_set.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(MedMnistSetsTest, ThereAreTwelveWithTheirClasses) {
  size_t classes = 0;
  std::set<std::string> names;
  for (const MedMnistSet& set : MedMnistSets()) {
    names.insert(set.name);
    classes += set.classes.size();
    EXPECT_EQ(std::set<std::string>(set.classes.begin(), set.classes.end()).size(),
              set.classes.size());
  }
  EXPECT_EQ(names.size(), 12U);
  EXPECT_EQ(classes, 9U + 15 + 7 + 4 + 2 + 5 + 2 + 8 + 8 + 3 * 11);
}

TEST(MedMnistSetsTest, EachHasAReaderOfItsOwnAndIsAVariant) {
  const auto all = FindDatasetReader("MedMNIST");
  ASSERT_TRUE(all.ok()) << all.status();
  for (const MedMnistSet& set : MedMnistSets()) {
    EXPECT_TRUE(FindDatasetReader(set.name).ok());
    EXPECT_THAT((*all)->variants, ::testing::Contains(set.name));
  }
}

TEST(MedMnistSetsTest, AnUnknownSetIsToldTheKnownOnes) {
  EXPECT_THAT(std::string(FindMedMnistSet("brainmnist").status().message()),
              HasSubstr("bloodmnist"));
}

}  // namespace
}  // namespace tributary
