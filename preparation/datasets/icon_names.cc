// icon-names: image-text pairs. An icon's caption is its file's name in words, its owner the theme
// that it is from.
//
// Test: names that at least two other themes have too, one icon per name; these icons, and exact
// copies of them, are not in training (their names, drawn by other artists, are).

#include "preparation/datasets/icon_names.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/icon_theme.h"
#include "preparation/datasets/image_list.h"

namespace tributary {
namespace {

constexpr int64_t kWantedSize = 32;
constexpr size_t kThemesBesides = 2;  // that must know a test icon's name
const char* const kThemes[] = {"Adwaita", "Faenza", "Tango",    "elementary-xfce",
                               "gnome",   "mate",   "nuoveXT2", "oxygen"};

struct Icon {
  IconFile file;
  std::string content;  // SHA-256 of the file
};

// The icons of all themes, one per theme and name, exact copies within a theme only once.
absl::StatusOr<std::vector<Icon>> ReadIcons(const std::string& root,
                                            std::vector<SkippedSample>* skipped) {
  std::vector<Icon> icons;
  for (const char* theme : kThemes) {
    ASSIGN_OR_RETURN(const std::vector<IconFile> files, FindIcons(root, theme, kWantedSize));
    std::set<std::string> names, contents;
    for (const IconFile& file : files) {
      const absl::StatusOr<std::string> content = Sha256OfFile(file.path);
      if (!content.ok()) {
        skipped->push_back({file.path, 0, std::string(content.status().message())});
      } else if (names.insert(file.name).second && contents.insert(*content).second) {
        icons.push_back({file, *content});
      }
    }
  }
  return icons;
}

// One of its icons for each name to be tested.
std::set<size_t> ChooseTest(const std::vector<Icon>& icons, uint64_t seed) {
  std::map<std::string, std::vector<size_t>> by_name;
  for (size_t i = 0; i < icons.size(); ++i) by_name[NameInWords(icons[i].file.name)].push_back(i);
  RandomStream stream(seed, "icon-names.test");
  std::set<size_t> test;
  // One draw for each name, also for those that are too rare to be tested: the others' do not move.
  for (const auto& [name, places] : by_name) {
    const size_t place = places[stream.Below(places.size())];
    if (places.size() > kThemesBesides) test.insert(place);
  }
  return test;
}

Sample ToSample(const Icon& icon, ImageList* images) {
  Sample sample;
  sample.image = images->Add(icon.file.path);
  sample.text = NameInWords(icon.file.name);
  sample.owner = icon.file.theme;
  return sample;
}

}  // namespace

absl::StatusOr<SampleSet> ReadIconNames(const DatasetSource& source) {
  SampleSet set;
  ASSIGN_OR_RETURN(const std::vector<Icon> icons,
                   ReadIcons(absl::StrCat(source.root, "/usr/share/icons"), &set.skipped));
  const std::set<size_t> test = ChooseTest(icons, source.seed);
  std::set<std::string> test_contents;
  set.skip_blank = true;
  ImageList images(source.root);
  for (const size_t place : test) {
    test_contents.insert(icons[place].content);
    set.test.push_back(ToSample(icons[place], &images));
  }
  for (size_t i = 0; i < icons.size(); ++i) {
    if (test.contains(i)) continue;
    if (test_contents.contains(icons[i].content)) {
      set.skipped.push_back({icons[i].file.path, 0, "a copy of a test icon"});
    } else {
      set.train.push_back(ToSample(icons[i], &images));
    }
  }
  std::move(images).MoveTo(&set);
  return set;
}

}  // namespace tributary
