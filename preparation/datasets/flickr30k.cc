#include "preparation/datasets/flickr30k.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/image_finder.h"
#include "preparation/datasets/karpathy_split.h"
#include "preparation/files/delimited_text.h"
#include "preparation/files/npy.h"

namespace tributary {
namespace {

constexpr char kKarpathy[] = "dataset_flickr30k.json";
constexpr size_t kReleaseTrain = 10'000, kReleaseTest = 5'000;

// A caption of results.csv or of a .token file.
struct CaptionRow {
  std::string image;
  std::string number;  // of the caption among the image's
  std::string text;
};

// "1000092795.jpg| 0| Two young guys ..."
CaptionRow RowOfCsv(const std::vector<std::string>& fields) {
  const auto field = [&](size_t i) { return std::string(absl::StripAsciiWhitespace(fields[i])); };
  return {.image = field(0), .number = field(1), .text = field(2)};
}

// "1000092795.jpg#0<TAB>Two young guys ..."
CaptionRow RowOfToken(const std::vector<std::string>& fields) {
  const std::pair<std::string, std::string> name =
      absl::StrSplit(fields[0], absl::MaxSplits('#', 1));
  return {.image = name.first, .number = name.second, .text = fields[1]};
}

// The images of a captions' file in its order, each once.
class CaptionRows {
 public:
  CaptionRows(const LocatedFile& file, SampleSet* set)
      : file_(file), path_(file.tree->Describe(file.file)), set_(set) {}

  absl::StatusOr<std::vector<CaptionedImage>> Read() {
    ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file_.tree, file_.file, set_));
    const bool csv = absl::EndsWith(path_, ".csv");
    // Neither file quotes its fields: a quotation mark belongs to the caption.
    DelimitedText reader(
        text, {.delimiter = csv ? '|' : '\t', .quotes = false, .fields = csv ? size_t{3} : 2});
    for (DelimitedRecord record; reader.Next(&record);) {
      if (!record.broken.empty()) {
        RETURN_IF_ERROR(Skip(set_, path_, record.line, record.broken));
        continue;
      }
      RETURN_IF_ERROR(Add(csv ? RowOfCsv(record.fields) : RowOfToken(record.fields), record.line));
    }
    return std::move(images_);
  }

 private:
  absl::Status Add(CaptionRow row, int64_t line) {
    if (row.image == "image_name") return absl::OkStatus();  // the header
    const auto [entry, is_new] = places_.try_emplace(row.image, images_.size());
    if (is_new) {
      images_.push_back({.file = row.image});
      numbers_.emplace_back();
    }
    if (!numbers_[entry->second].insert(row.number).second) {
      return Skip(set_, path_, line,
                  absl::StrCat("caption ", row.number, " of ", row.image, " for the second time"));
    }
    images_[entry->second].captions.push_back({.text = std::move(row.text), .line = line});
    return absl::OkStatus();
  }

  const LocatedFile file_;
  const std::string path_;
  SampleSet* const set_;
  std::vector<CaptionedImage> images_;
  std::vector<std::set<std::string>> numbers_;  // of captions seen, by image
  absl::flat_hash_map<std::string, size_t> places_;
};

// Which images train and which test, by place in the list.
struct Choice {
  std::vector<size_t> train, test;
};

Choice DrawSplit(const DatasetSource& source, size_t images) {
  Choice choice;
  RandomStream stream(source.seed, "flickr30k.test");
  for (size_t i = 0; i < images; ++i) {
    (stream.Uniform() < source.test_share ? choice.test : choice.train).push_back(i);
  }
  return choice;
}

// The images that `ids` name, in that order.
absl::StatusOr<std::vector<size_t>> ImagesOfIds(const std::string& path,
                                                const std::vector<CaptionedImage>& images,
                                                SampleSet* set) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> ids, ReadIds(path));
  absl::flat_hash_map<int64_t, size_t> places;
  for (size_t i = 0; i < images.size(); ++i) {
    const absl::string_view name = images[i].file;
    int64_t id;
    if (absl::SimpleAtoi(name.substr(0, name.find('.')), &id)) places.emplace(id, i);
  }
  std::vector<size_t> chosen;
  for (const int64_t id : ids) {
    const auto found = places.find(id);
    if (found != places.end()) {
      chosen.push_back(found->second);
    } else {
      RETURN_IF_ERROR(Skip(set, path, 0, absl::StrCat("image ", id, " has no captions")));
    }
  }
  return chosen;
}

absl::StatusOr<Choice> ChooseRelease(const DatasetSource& source,
                                     const std::vector<CaptionedImage>& images, SampleSet* set) {
  Choice choice;
  if (!source.train_ids.empty()) {
    ASSIGN_OR_RETURN(choice.train, ImagesOfIds(source.train_ids, images, set));
  }
  if (!source.test_ids.empty()) {
    ASSIGN_OR_RETURN(choice.test, ImagesOfIds(source.test_ids, images, set));
  }
  // A part without ids takes the first images that the other part's ids do not name.
  std::vector<bool> taken(images.size());
  for (const size_t i : choice.train) taken[i] = true;
  for (const size_t i : choice.test) taken[i] = true;
  for (size_t i = 0; i < images.size(); ++i) {
    if (taken[i]) continue;
    if (source.train_ids.empty() && choice.train.size() < kReleaseTrain) {
      choice.train.push_back(i);
    } else if (source.test_ids.empty() && choice.test.size() < kReleaseTest) {
      choice.test.push_back(i);
    }
  }
  return choice;
}

absl::Status AddChosen(const DatasetSource& source, const LocatedFile& captions, bool release,
                       ImageFinder* finder, SampleSet* set) {
  const int32_t origin = AddOrigin(set, captions.tree->Describe(captions.file));
  std::vector<CaptionedImage> images;
  if (absl::EndsWith(set->origins.back(), ".json")) {
    ASSIGN_OR_RETURN(images, ReadKarpathyImages(captions, set));
  } else {
    ASSIGN_OR_RETURN(images, CaptionRows(captions, set).Read());
  }
  Choice choice;
  if (release) {
    ASSIGN_OR_RETURN(choice, ChooseRelease(source, images, set));
  } else {
    choice = DrawSplit(source, images.size());
  }
  for (const size_t i : choice.train) {
    RETURN_IF_ERROR(AddPairs(images[i], origin, finder, set, &set->train));
  }
  for (const size_t i : choice.test) {
    RETURN_IF_ERROR(AddPairs(images[i], origin, finder, set, &set->test));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleSet> ReadFlickr30k(const DatasetSource& source) {
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  SampleSet set;
  ImageFinder finder(&files, &set);
  if (source.variant.empty() || source.variant == "karpathy") {
    const absl::StatusOr<LocatedFile> json = files.Locate(kKarpathy);
    if (json.ok()) {
      RETURN_IF_ERROR(AddKarpathySplit(*json, &finder, &set));
      return set;
    }
    // Without a variant, a missing file means the split is drawn; a broken archive still fails.
    if (!source.variant.empty() || !absl::IsNotFound(json.status())) return json.status();
  }
  ASSIGN_OR_RETURN(const LocatedFile captions,
                   files.LocateAny({"results.csv", "results_20130124.token", kKarpathy}));
  RETURN_IF_ERROR(AddChosen(source, captions, source.variant == "release", &finder, &set));
  return set;
}

}  // namespace tributary
