// A FileTree of a plain folder; FileTree::Open() is the way in.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Deeper folders are not entered: a link to a parent would never end.
inline constexpr int kMostFolderDepth = 16;
inline constexpr size_t kMostFiles = 20'000'000;

// NotFound if `folder` is not there; ResourceExhausted for one of more than kMostFiles files.
absl::StatusOr<std::shared_ptr<const FileTree>> OpenFolder(const std::string& folder);

}  // namespace tributary
