// A FileTree of a zip archive; FileTree::Open() is the way in.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Reads the archive in place; a large member of which ranges are read is unpacked into `scratch`
// once. Of several files of one name the last counts. InvalidArgument if it is no zip archive,
// DataLoss if it is damaged or cut short; a member's damage shows when it is read.
absl::StatusOr<std::shared_ptr<const FileTree>> OpenZip(const std::string& path,
                                                        const std::string& scratch);

}  // namespace tributary
