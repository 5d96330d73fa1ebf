// StateDict: an ordered list of named tensors, the form in which a model is stored and sent.
//
// Tensors keep the order in which they were added. Two StateDicts with the same tensors in another
// order are different: manifests, chunks and files follow the order.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/tensor/tensor.h"

namespace tributary {

class StateDict {
 public:
  struct Entry {
    std::string name;
    Tensor tensor;
  };

  // Appends. AlreadyExists if the name is taken; InvalidArgument if values and shape disagree.
  absl::Status Add(std::string name, Tensor tensor);

  // Null if there is no such tensor. Pointers stay valid until the next Add.
  const Tensor* Find(absl::string_view name) const;
  Tensor* Find(absl::string_view name);

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  const Entry& operator[](size_t index) const { return entries_[index]; }
  Entry& operator[](size_t index) { return entries_[index]; }

  // Number of values in all tensors.
  int64_t ElementCount() const;

 private:
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string, size_t> index_;
};

}  // namespace tributary
