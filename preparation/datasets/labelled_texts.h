// Classes and texts from a file of comma-separated values whose classes count from 1.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/files/file_tree.h"

namespace tributary {

struct LabelledTexts {
  size_t fields = 2;
  size_t label = 0;  // the field with the class, 1 to set->classes.size()
  // What stands in that field of a first record which is a header, and no sample.
  std::string header{};
  std::function<std::string(const std::vector<std::string>& fields)> text;
};

// Appends the samples of `file`, which becomes an origin of `set`, to `part`. Broken records,
// other classes and empty texts are listed. `set->classes` must be there.
absl::Status AddLabelledTexts(const LocatedFile& file, const LabelledTexts& format, SampleSet* set,
                              std::vector<Sample>* part);

}  // namespace tributary
