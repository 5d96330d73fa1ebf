// numpy's .npy files, versions 1 to 3: numpy.lib.format in numpy's documentation.
//
// Only what datasets need: bool, int, uint and float arrays, in C order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/files/file_tree.h"

namespace tributary {

struct NpyHeader {
  char kind = 0;     // 'b' bool, 'i', 'u' or 'f', as numpy's dtype.kind
  size_t width = 1;  // bytes of a value: 1, 2, 4 or 8
  bool big_endian = false;
  std::vector<int64_t> shape;
  uint64_t count = 0;   // of values
  uint64_t offset = 0;  // of the first value in the file

  // numpy's name for the type: "u1", ">i8".
  std::string Type() const;
};

// An array of integers of any width.
struct NpyIntegers {
  std::vector<int64_t> shape;
  std::vector<int64_t> values;  // in C order
};

// `head`: the file's first kNpyHead bytes, or all of a shorter one; `size`: of the whole file.
// InvalidArgument for what is no array of that kind, DataLoss if the file's size is not what its
// shape says.
inline constexpr uint64_t kNpyHead = 64 << 10;
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view head, uint64_t size);

// As ParseNpyHeader(); errors name the file.
absl::StatusOr<NpyHeader> ReadNpyHeader(const FileTree& tree, size_t file);

// Of a whole file's bytes. InvalidArgument also for floats and for a value beyond int64.
absl::StatusOr<NpyIntegers> ParseNpyIntegers(absl::string_view bytes);

// A list of ids: a one-dimensional array of integers. Errors name `path`.
absl::StatusOr<std::vector<int64_t>> ReadIds(const std::string& path);

}  // namespace tributary
