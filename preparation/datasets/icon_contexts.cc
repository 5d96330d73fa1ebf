#include "preparation/datasets/icon_contexts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/icon_theme.h"
#include "preparation/datasets/image_list.h"

namespace tributary {
namespace {

constexpr int64_t kWantedSize = 32;
constexpr char kTheme[] = "breeze";
constexpr double kTestShare = 0.15;

}  // namespace

absl::StatusOr<SampleSet> ReadIconContexts(const DatasetSource& source) {
  SampleSet set;
  set.modality = Modality::kImage;
  set.classes = IconContexts();
  set.skip_blank = true;
  ImageList images(source.root);
  ASSIGN_OR_RETURN(const std::vector<IconFile> files,
                   FindIcons(absl::StrCat(source.root, "/usr/share/icons"), kTheme, kWantedSize));
  std::set<std::string> contents;  // SHA-256: a copy in the test would be a leak
  RandomStream stream(source.seed, "icon-contexts.test");
  for (const IconFile& file : files) {
    // Drawn for every file, used or not, so that a file that goes missing moves no other.
    const bool test = stream.Uniform() < kTestShare;
    const absl::StatusOr<std::string> content = Sha256OfFile(file.path);
    if (!content.ok()) {
      set.skipped.push_back({file.path, 0, std::string(content.status().message())});
      continue;
    }
    if (!contents.insert(*content).second) {
      set.skipped.push_back({file.path, 0, "a copy of another icon"});
      continue;
    }
    const auto& classes = set.classes;
    const auto label = std::find(classes.begin(), classes.end(), file.context) - classes.begin();
    Sample sample;
    sample.image = images.Add(file.path);
    sample.label = static_cast<int32_t>(label);
    sample.owner = file.theme;
    (test ? set.test : set.train).push_back(std::move(sample));
  }
  std::move(images).MoveTo(&set);
  return set;
}

}  // namespace tributary
