// icon-contexts and icon-public, which take their icons out of one theme each. icon-names:
// icon_theme_test.cc.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "preparation/datasets/icon_contexts.h"
#include "preparation/datasets/icon_public.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/datasets/icon_source.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IconSetsTest : public ::testing::Test {
 protected:
  // An icon whose pixels are `number`'s.
  void Put(const std::string& name, int number) const {
    WriteIcon(absl::StrCat(folder_.path(), "/usr/share/icons/", name), number % 256, number / 256);
  }
  static std::set<std::string> ImagesOf(const SampleSet& set, const std::vector<Sample>& part) {
    std::set<std::string> images;
    for (const Sample& sample : part) images.insert(ImageNameOf(set, sample));
    return images;
  }

  const DatasetFolder folder_{};
};

TEST_F(IconSetsTest, AnIconsClassIsTheContextOfItsFolder) {
  Put("breeze/actions/32/go.png", 1);
  Put("breeze/status/32/busy.png", 2);
  Put("Numix/32/apps/other.png", 3);
  const auto set = ReadIconContexts(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kImage);
  ASSERT_EQ(set->classes.size(), 8U);
  std::map<std::string, std::string> class_of;
  for (const auto* part : {&set->train, &set->test}) {
    for (const Sample& sample : *part) {
      class_of[ImageNameOf(*set, sample)] = set->classes[static_cast<size_t>(sample.label)];
      EXPECT_EQ(sample.owner, "breeze");
    }
  }
  EXPECT_EQ(class_of, (std::map<std::string, std::string>{
                          {"usr/share/icons/breeze/actions/32/go.png", "actions"},
                          {"usr/share/icons/breeze/status/32/busy.png", "status"}}));
}

TEST_F(IconSetsTest, CopiesUnderAnotherNameAreListed) {
  Put("breeze/actions/32/first.png", 1);
  Put("breeze/actions/32/second.png", 1);
  const auto set = ReadIconContexts(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->train.size() + set->test.size(), 1U);
  EXPECT_THAT(folder_.SkippedIn(*set),
              ElementsAre("usr/share/icons/breeze/actions/32/second.png: a copy of another icon"));
}

TEST_F(IconSetsTest, TheTestIsDrawnBySeed) {
  for (int i = 0; i < 200; ++i) Put(absl::StrCat("breeze/apps/32/icon-", i, ".png"), i);
  const auto set = ReadIconContexts(folder_.Source()), again = ReadIconContexts(folder_.Source());
  ASSERT_TRUE(set.ok() && again.ok()) << set.status();
  EXPECT_EQ(set->train.size() + set->test.size(), 200U);
  EXPECT_GT(set->test.size(), 10U);  // 15 % of 200 are 30
  EXPECT_LT(set->test.size(), 60U);
  EXPECT_EQ(ImagesOf(*set, set->test), ImagesOf(*again, again->test));
  DatasetSource source = folder_.Source();
  source.seed = 2;
  const auto other = ReadIconContexts(source);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(ImagesOf(*set, set->test), ImagesOf(*other, other->test));
}

TEST_F(IconSetsTest, PublicIconsArePairsOfAnImageAndItsNameInWords) {
  Put("Numix/32/apps/web-browser.png", 1);
  Put("breeze/apps/32/other.png", 2);
  const auto set = ReadIconPublic(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->modality, Modality::kPair);
  const auto& part = set->train.empty() ? set->test : set->train;
  EXPECT_THAT(PairsOf(*set, part),
              ElementsAre("usr/share/icons/Numix/32/apps/web-browser.png: web browser"));
}

TEST_F(IconSetsTest, APublicNameOrPictureIsTakenOnce) {
  Put("Numix/32/apps/a.png", 1);
  Put("Numix/32/places/a.png", 2);  // of the same name
  Put("Numix/32/places/b.png", 1);  // of the same content
  Put("Numix/32/status/c.png", 3);
  const auto set = ReadIconPublic(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  std::set<std::string> images = ImagesOf(*set, set->train);
  images.merge(ImagesOf(*set, set->test));
  EXPECT_THAT(images, ElementsAre("usr/share/icons/Numix/32/apps/a.png",
                                  "usr/share/icons/Numix/32/status/c.png"));
}

TEST_F(IconSetsTest, AMissingThemeNamesItsPackage) {
  EXPECT_THAT(std::string(ReadIconContexts(folder_.Source()).status().message()),
              HasSubstr("breeze-icon-theme"));
  EXPECT_THAT(std::string(ReadIconPublic(folder_.Source()).status().message()),
              HasSubstr("numix-icon-theme"));
}

}  // namespace
}  // namespace tributary
