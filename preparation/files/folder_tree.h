// A FileTree of a plain folder; FileTree::Open() is the way in.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Deeper folders are left out: no dataset is so deep.
inline constexpr size_t kMostFolderDepth = 32;
inline constexpr size_t kMostFiles = 20'000'000;

// A folder in it that cannot be read is listed in left_out(), as is a link that leads back to a
// folder that it is in. NotFound if `folder` is not there, PermissionDenied if it cannot be read;
// ResourceExhausted for one of more than kMostFiles files.
absl::StatusOr<std::shared_ptr<const FileTree>> OpenFolder(const std::string& folder);

}  // namespace tributary
