// What the two CIFAR datasets' files are called and how they are laid out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/files/file_tree.h"

namespace tributary {

inline constexpr uint64_t kCifarPixels = uint64_t{3} * 32 * 32;

struct CifarLayout {
  std::vector<std::string> train, test;  // batches
  std::string names;                     // the file of the classes' names
  size_t classes = 0;
  // Binary: the labels' bytes before each image, and which of them is the class.
  uint64_t labels = 0, label = 0;
  // Python: the keys of the labels and of the classes' names.
  std::string labels_key{}, names_key{};
};

// Fill `set` from the files behind `files.prefix`. NotFound, DataLoss or InvalidArgument name the
// file.
absl::Status ReadCifarBinary(const CifarLayout& layout, const LocatedFile& files, SampleSet* set);
absl::Status ReadCifarPython(const CifarLayout& layout, const LocatedFile& files,
                             const std::string& scratch, SampleSet* set);

// File `name` behind `files.prefix`; NotFound names it.
absl::StatusOr<size_t> CifarFile(const LocatedFile& files, const std::string& name);

// InvalidArgument if these are not as many as the layout has classes.
absl::Status CheckCifarClasses(const CifarLayout& layout, const std::vector<std::string>& names,
                               const std::string& file);

}  // namespace tributary
