#include "common/tensor/state_dict.h"

#include "absl/strings/str_cat.h"

namespace tributary {

absl::Status StateDict::Add(std::string name, Tensor tensor) {
  if (tributary::ElementCount(tensor.shape) != static_cast<int64_t>(tensor.values.size())) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " has ", tensor.values.size(),
                                                   " values, expected shape ",
                                                   ShapeToString(tensor.shape)));
  }
  // The index holds places, not pointers: entries move when the vector grows.
  if (!index_.emplace(name, entries_.size()).second) {
    return absl::AlreadyExistsError(absl::StrCat("tensor ", name, " is there already"));
  }
  entries_.push_back({std::move(name), std::move(tensor)});
  return absl::OkStatus();
}

const Tensor* StateDict::Find(absl::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].tensor;
}

Tensor* StateDict::Find(absl::string_view name) {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].tensor;
}

int64_t StateDict::ElementCount() const {
  int64_t count = 0;
  for (const Entry& entry : entries_) count += static_cast<int64_t>(entry.tensor.values.size());
  return count;
}

}  // namespace tributary
