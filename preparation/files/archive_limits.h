// What is taken of an archive, whoever made it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tributary {

// The most bytes that `packed` bytes of an archive may unpack to. Datasets unpack to some 20 times
// their size at most; an archive far beyond that is made to fill disks.
inline uint64_t MostUnpacked(uint64_t packed) {
  constexpr uint64_t kMostGrowth = 200, kAlwaysTaken = uint64_t{1} << 30;
  return std::max(kAlwaysTaken, packed * kMostGrowth);
}

// A file's name in an archive as FileTree tells it: without "./" and doubled '/'. Empty for a name
// that leads out of the tree ("/x", "../x", "a/../x"), and for a folder's ("a/").
std::string NameInTree(absl::string_view name);

}  // namespace tributary
