#include "preparation/datasets/image_list.h"

namespace tributary {

int64_t ImageList::Add(const std::string& path) {
  names_.push_back(path.substr(root_.size() + 1));
  return static_cast<int64_t>(names_.size()) - 1;
}

void ImageList::MoveTo(SampleSet* set) && {
  set->trees = {FileTree::OfFolder(root_, names_)};
  for (const std::string& name : names_) {
    set->images.push_back({.tree = 0, .file = static_cast<uint32_t>(*set->trees[0]->Find(name))});
  }
}

}  // namespace tributary
