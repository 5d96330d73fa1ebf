// A folder of a test's own that files of a dataset are put into, and what a reader made of them in
// words.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "preparation/datasets/sample_set.h"
#include "tests/scratch_folder.h"

namespace tributary {

class DatasetFolder {
 public:
  const std::string& path() const { return folder_.path(); }
  void Put(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  DatasetSource Source(const std::string& variant = "") const {
    return {.root = folder_.path(), .scratch = folder_.path(), .variant = variant};
  }
  // `file` as Put() was told it.
  std::string NameOf(const std::string& file) const {
    return std::string(absl::StripPrefix(file, folder_.path() + "/"));
  }
  // "train.csv:3: empty text", in the order of the set; without the line where it is 0.
  std::vector<std::string> SkippedIn(const SampleSet& set) const {
    std::vector<std::string> skipped;
    for (const SkippedSample& one : set.skipped) {
      skipped.push_back(one.line == 0
                            ? absl::StrCat(NameOf(one.file), ": ", one.reason)
                            : absl::StrCat(NameOf(one.file), ":", one.line, ": ", one.reason));
    }
    return skipped;
  }

 private:
  ScratchFolder folder_;
};

// The name of a sample's image in its tree.
inline std::string ImageNameOf(const SampleSet& set, const Sample& sample) {
  const ImageSource& image = set.images[static_cast<size_t>(sample.image)];
  return set.trees[image.tree]->names()[image.file];
}

// "World: a text" for each of `part`.
inline std::vector<std::string> LabelledTextsOf(const SampleSet& set,
                                                const std::vector<Sample>& part) {
  std::vector<std::string> texts;
  for (const Sample& sample : part) {
    texts.push_back(
        absl::StrCat(set.classes[static_cast<size_t>(sample.label)], ": ", sample.text));
  }
  return texts;
}

// "1.jpg: a caption" for each of `part`.
inline std::vector<std::string> PairsOf(const SampleSet& set, const std::vector<Sample>& part) {
  std::vector<std::string> pairs;
  for (const Sample& sample : part) {
    pairs.push_back(absl::StrCat(ImageNameOf(set, sample), ": ", sample.text));
  }
  return pairs;
}

// The raw pixels of a sample's image.
inline std::string PixelsOf(const SampleSet& set, const Sample& sample) {
  const ImageSource& image = set.images[static_cast<size_t>(sample.image)];
  const int64_t size = set.raw.height * set.raw.width * set.raw.channels;
  const auto bytes =
      set.trees[image.tree]->Read(image.file, image.offset, static_cast<uint64_t>(size));
  return bytes.ok() ? *bytes : bytes.status().ToString();
}

}  // namespace tributary
