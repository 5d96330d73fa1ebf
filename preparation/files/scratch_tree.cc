#include "preparation/files/scratch_tree.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

std::vector<std::string> NamesOf(const std::map<std::string, ScratchTree::Place>& places) {
  std::vector<std::string> names;
  names.reserve(places.size());
  for (const auto& [name, place] : places) names.push_back(name);
  return names;
}

}  // namespace

ScratchTree::ScratchTree(std::string path, const std::map<std::string, Place>& places,
                         std::unique_ptr<const ScratchFile> bytes)
    : FileTree(std::move(path), NamesOf(places)), bytes_(std::move(bytes)) {
  places_.reserve(places.size());
  for (const auto& [name, place] : places) places_.push_back(place);
}

absl::StatusOr<std::string> ScratchTree::Read(size_t file, uint64_t offset, uint64_t length) const {
  RETURN_IF_ERROR(CheckRange(file, places_[file].size, offset, length));
  return bytes_->Read(places_[file].offset + offset, length);
}

absl::StatusOr<std::shared_ptr<const FileTree>> FileTree::OfBytes(const FileTree& tree, size_t file,
                                                                  absl::string_view bytes,
                                                                  const std::string& scratch) {
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> unpacked, ScratchFile::Create(scratch));
  RETURN_IF_ERROR(unpacked->Append(bytes));
  const std::map<std::string, ScratchTree::Place> places = {
      {tree.names()[file], {.offset = 0, .size = bytes.size()}}};
  return std::make_shared<ScratchTree>(tree.path(), places, std::move(unpacked));
}

}  // namespace tributary
