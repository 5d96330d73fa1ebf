#include "preparation/datasets/icon_theme.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "preparation/datasets/icon_names.h"
#include "preparation/datasets/sample_set.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/datasets/icon_source.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IconThemeTest : public testing::Test {
 protected:
  void Touch(const std::string& path) {
    const std::filesystem::path file = scratch_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << path;
  }
  // "context/name: path" of what is found, paths without the root.
  std::vector<std::string> Find(int64_t size) {
    std::vector<std::string> found;
    const auto icons = FindIcons(scratch_.path(), "theme", size);
    EXPECT_TRUE(icons.ok()) << icons.status();
    for (const IconFile& icon : *icons) {
      EXPECT_EQ(icon.theme, "theme");
      found.push_back(icon.context + "/" + icon.name + ": " +
                      icon.path.substr(scratch_.path().size() + 1));
    }
    return found;
  }

  const ScratchFolder scratch_;
};

TEST_F(IconThemeTest, FoldersNestEitherWay) {
  Touch("theme/32x32/apps/a.png");
  Touch("theme/places/48/b.svg");
  Touch("theme/mimes/scalable/c.svg");
  EXPECT_THAT(Find(32), ElementsAre("apps/a: theme/32x32/apps/a.png",
                                    "mimetypes/c: theme/mimes/scalable/c.svg",
                                    "places/b: theme/places/48/b.svg"));
}

TEST_F(IconThemeTest, TheNearestSizeThatIsLargeEnoughIsTaken) {
  for (const char* size : {"16x16", "24x24", "48x48", "128x128"}) {
    Touch(std::string("theme/") + size + "/apps/a.png");
  }
  EXPECT_THAT(Find(32), ElementsAre("apps/a: theme/48x48/apps/a.png"));
  EXPECT_THAT(Find(256), ElementsAre("apps/a: theme/128x128/apps/a.png"));
}

TEST_F(IconThemeTest, LinksSymbolicVariantsAndOtherFilesAreLeftOut) {
  Touch("theme/32x32/apps/a.png");
  Touch("theme/32x32/apps/b-symbolic.svg");
  Touch("theme/32x32/apps/notes.txt");
  Touch("theme/32x32/animations/c.png");
  std::filesystem::create_symlink("a.png", scratch_ / "theme/32x32/apps/alias.png");
  EXPECT_THAT(Find(32), ElementsAre("apps/a: theme/32x32/apps/a.png"));
}

TEST_F(IconThemeTest, AMissingThemeNamesItsPackage) {
  const auto icons = FindIcons(scratch_.path(), "nuoveXT2", 32);
  EXPECT_EQ(icons.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(icons.status().message()), HasSubstr("lxde-icon-theme"));
}

TEST_F(IconThemeTest, NamesBecomeWords) {
  EXPECT_EQ(NameInWords("weather-few-clouds_Night"), "weather few clouds night");
  EXPECT_EQ(NameInWords("text-x-c++src"), "text x c src");
}

// The held-out icons: one for each name, and neither they nor their copies are trained on.
TEST_F(IconThemeTest, HeldOutIconsAreNotTrainedOn) {
  WriteThemes(scratch_.path(), 6);
  const auto before = ReadIconNames({.root = scratch_.path(), .seed = 1});
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->test.size(), 6u);
  EXPECT_EQ(before->train.size(), 8u * 6 - 6);

  // Copies of all icons of a theme in another, under names of their own.
  const std::string copies = scratch_ / "usr/share/icons/mate/32x32/places";
  std::filesystem::create_directories(copies);
  for (int n = 0; n < 6; ++n) {
    std::filesystem::copy_file(
        absl::StrCat(scratch_.path(), "/usr/share/icons/gnome/32x32/apps/thing-", n, ".png"),
        absl::StrCat(copies, "/borrowed-", n, ".png"));
  }
  const auto after = ReadIconNames({.root = scratch_.path(), .seed = 1});
  ASSERT_TRUE(after.ok()) << after.status();
  std::set<std::string> test_contents;
  const auto content = [&](const Sample& sample) {
    return *after->trees[0]->Read(after->images[static_cast<size_t>(sample.image)].file);
  };
  for (const Sample& sample : after->test) test_contents.insert(content(sample));
  for (const Sample& sample : after->train) {
    EXPECT_FALSE(test_contents.contains(content(sample))) << sample.text;
  }
}

TEST_F(IconThemeTest, NamesThatFewThemesKnowAreNotTested) {
  WriteThemes(scratch_.path(), 2);
  WriteIcon(scratch_ / "usr/share/icons/mate/32x32/apps/rare.png", 9, 9);
  WriteIcon(scratch_ / "usr/share/icons/gnome/32x32/apps/rare.png", 9, 8);
  const auto set = ReadIconNames({.root = scratch_.path(), .seed = 1});
  ASSERT_TRUE(set.ok()) << set.status();
  for (const Sample& sample : set->test) EXPECT_NE(sample.text, "rare");
}

}  // namespace
}  // namespace tributary
