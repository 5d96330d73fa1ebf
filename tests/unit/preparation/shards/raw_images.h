// Sets of made-up raw images, 2 x 2 with three channels, each of one colour, for tests of what is
// made of them.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "preparation/datasets/sample_set.h"

namespace tributary {

inline constexpr size_t kRawBytes = 2 * 2 * 3;

// An image for each of `colours`, in the file `folder`/raw.bin; no samples yet.
inline SampleSet RawImages(const std::string& folder, const std::string& colours) {
  std::ofstream file(folder + "/raw.bin", std::ios::binary);
  SampleSet set;
  set.raw = {.height = 2, .width = 2, .channels = 3};
  set.trees = {FileTree::OfFolder(folder, {"raw.bin"})};
  for (size_t i = 0; i < colours.size(); ++i) {
    file << std::string(kRawBytes, colours[i]);
    set.images.push_back({.tree = 0, .file = 0, .offset = i * kRawBytes});
  }
  return set;
}

// A sample of image `image` with caption `text`.
inline Sample PairSample(int64_t image, const std::string& text) {
  Sample sample;
  sample.image = image;
  sample.text = text;
  return sample;
}

}  // namespace tributary
