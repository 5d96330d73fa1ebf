// numpy's .npy as bytes, for tests of the readers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {

// Version 1, as numpy writes it but for the padding. `type`: "|u1", "<i8".
inline std::string NpyBytes(const std::string& type, const std::vector<int64_t>& shape,
                            const std::string& values) {
  const std::string literal =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(shape, ", "), shape.size() == 1 ? ",)" : ")", ", }\n");
  return absl::StrCat(
      absl::string_view("\x93NUMPY\x01\0", 8),
      std::string{static_cast<char>(literal.size()), static_cast<char>(literal.size() >> 8)},
      literal, values);
}

// A list of ids, int64.
inline std::string NpyIds(const std::vector<int64_t>& ids) {
  std::string values;
  for (const int64_t id : ids) {
    for (int byte = 0; byte < 8; ++byte) values += static_cast<char>(id >> (8 * byte));
  }
  return NpyBytes("<i8", {static_cast<int64_t>(ids.size())}, values);
}

}  // namespace tributary
