#include "preparation/datasets/icon_public.h"

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
constexpr char kTheme[] = "Numix";
// A shard for tests is part of every prepared set; nobody evaluates on this one.
constexpr double kTestShare = 0.05;

}  // namespace

absl::StatusOr<SampleSet> ReadIconPublic(const DatasetSource& source) {
  SampleSet set;
  set.skip_blank = true;
  ImageList images(source.root);
  ASSIGN_OR_RETURN(const std::vector<IconFile> files,
                   FindIcons(absl::StrCat(source.root, "/usr/share/icons"), kTheme, kWantedSize));
  std::set<std::string> names, contents;
  RandomStream stream(source.seed, "icon-public.test");
  for (const IconFile& file : files) {
    // Drawn for every file, used or not, so that a file that goes missing moves no other.
    const bool test = stream.Uniform() < kTestShare;
    const absl::StatusOr<std::string> content = Sha256OfFile(file.path);
    if (!content.ok()) {
      set.skipped.push_back({file.path, 0, std::string(content.status().message())});
      continue;
    }
    if (!names.insert(file.name).second || !contents.insert(*content).second) continue;
    Sample sample;
    sample.image = images.Add(file.path);
    sample.text = NameInWords(file.name);
    sample.owner = file.theme;
    (test ? set.test : set.train).push_back(std::move(sample));
  }
  std::move(images).MoveTo(&set);
  return set;
}

}  // namespace tributary
