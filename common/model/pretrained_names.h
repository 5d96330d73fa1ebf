// Which tensor of a file of pretrained weights belongs where in the model; reads no values.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/pretrained_conventions.h"
#include "common/tensor/safetensors.h"

namespace tributary {

using FileTensor = SafetensorsFile::Entry;

// What one tensor of the model is made of.
struct TensorSource {
  const FileTensor* whole = nullptr;
  std::array<const FileTensor*, 3> thirds = {};  // query, key, value, where they stand apart
  const FileTensor* instead = nullptr;           // taken if there is neither

  bool apart() const {
    return thirds[0] != nullptr || thirds[1] != nullptr || thirds[2] != nullptr;
  }
  // Any tensor of it, for messages.
  const FileTensor* any() const;
};

struct NamedTensors {
  const Convention* convention = nullptr;
  std::string prefix;                               // of the model in the file
  std::map<std::string, TensorSource> sources;      // by name in the model
  std::map<std::string, const FileTensor*> scales;  // LayerScale's, by module in the model
  std::vector<const FileTensor*> extra_tokens;      // registers, distillation token
  std::vector<std::string> skipped;                 // names in the file
  std::vector<std::string> notes;                   // how the file's model differs from this one
  int64_t depth = 0;                                // blocks in the file
};

// Finds the convention of `file` and what each tensor is. `path` is for messages.
// FailedPrecondition if no convention fits, with the file's first names; if it holds several such
// models, with their prefixes; if it holds parts that the model cannot compute, with their names.
absl::StatusOr<NamedTensors> NameTensors(const SafetensorsFile& file, const std::string& path,
                                         absl::Span<const Convention> conventions);

// "a, b, c and 7 more".
std::string FirstOf(const std::vector<std::string>& names);

}  // namespace tributary
