// ImageList: the image files that a reader of a plain folder has chosen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "preparation/datasets/sample_set.h"

namespace tributary {

class ImageList {
 public:
  // `root`: the folder that every added path begins with.
  explicit ImageList(std::string root) : root_(std::move(root)) {}

  // Returns the image's number. `path`: root, '/', and a name.
  int64_t Add(const std::string& path);
  // Hands the images over; `set` must hold none yet.
  void MoveTo(SampleSet* set) &&;

 private:
  std::string root_;
  std::vector<std::string> names_;
};

}  // namespace tributary
