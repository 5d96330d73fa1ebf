// A FileTree of a tar archive, plain or packed by gzip, bzip2, xz or zstd; FileTree::Open() is the
// way in.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Unpacks all files into `scratch`. Of several files of one name the last counts, as for tar.
// InvalidArgument if it is no tar archive, DataLoss if it is damaged or cut short,
// ResourceExhausted if it unpacks to more than MostUnpacked() or to more than the disk takes.
absl::StatusOr<std::shared_ptr<const FileTree>> OpenTar(const std::string& path,
                                                        const std::string& scratch);

}  // namespace tributary
