// The two-dimensional sets of MedMNIST with their classes as published in its package's INFO:
// https://medmnist.com.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tributary {

struct MedMnistSet {
  std::string name;  // "organcmnist"; its files are NAME.npz and NAME_64.npz, NAME_128.npz ...
  std::string what;  // in a few words
  std::vector<std::string> classes;
  // Labels are [n, classes - 1] of 0 and 1, one for each finding; the last class is for none of
  // them. Else [n, 1].
  bool many_labels = false;
};

// In the order of publication.
const std::vector<MedMnistSet>& MedMnistSets();

// NotFound lists the names.
absl::StatusOr<const MedMnistSet*> FindMedMnistSet(const std::string& name);

}  // namespace tributary
