// ScratchTree: a FileTree of files that had to be unpacked, one after the other in a ScratchFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"
#include "preparation/files/scratch_file.h"

namespace tributary {

class ScratchTree : public FileTree {
 public:
  // Where a file lies in the scratch file.
  struct Place {
    uint64_t offset = 0, size = 0;
  };

  // `path`: what was unpacked, for messages.
  ScratchTree(std::string path, const std::map<std::string, Place>& places,
              std::unique_ptr<const ScratchFile> bytes);

  absl::StatusOr<uint64_t> Size(size_t file) const override { return places_[file].size; }
  using FileTree::Read;
  absl::StatusOr<std::string> Read(size_t file, uint64_t offset, uint64_t length) const override;

 private:
  std::vector<Place> places_;  // by file
  std::unique_ptr<const ScratchFile> bytes_;
};

}  // namespace tributary
