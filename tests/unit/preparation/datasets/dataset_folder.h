// A folder of a test's own that files of a dataset are put into.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "preparation/datasets/sample_set.h"
#include "tests/scratch_folder.h"

namespace tributary {

class DatasetFolder {
 public:
  void Put(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  DatasetSource Source(const std::string& variant = "") const {
    return {.root = folder_.path(), .scratch = folder_.path(), .variant = variant};
  }

 private:
  ScratchFolder folder_;
};

// The raw pixels of a sample's image.
inline std::string PixelsOf(const SampleSet& set, const Sample& sample) {
  const ImageSource& image = set.images[static_cast<size_t>(sample.image)];
  const int64_t size = set.raw.height * set.raw.width * set.raw.channels;
  const auto bytes =
      set.trees[image.tree]->Read(image.file, image.offset, static_cast<uint64_t>(size));
  return bytes.ok() ? *bytes : bytes.status().ToString();
}

}  // namespace tributary
