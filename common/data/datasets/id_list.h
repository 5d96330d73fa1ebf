// Lists of sample ids: .npy files of whole numbers, as numpy.save() writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// The ids of .npy file `path`: one dimension, int32 or int64, little endian. NotFound;
// InvalidArgument, naming the file, for anything else.
absl::StatusOr<std::vector<int64_t>> ReadIdList(const std::string& path);

// As above, of the file's bytes; messages do not name it.
absl::StatusOr<std::vector<int64_t>> ParseIdList(absl::string_view bytes);

}  // namespace tributary
