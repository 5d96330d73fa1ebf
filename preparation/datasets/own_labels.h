// Labels of your own table, numbered as they come, and the classes that they turn out to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

class OwnLabels {
 public:
  // The number of the label `written`, for Sample::label until NameClasses(). Ways to compose its
  // letters (text_encoding.h) do not matter.
  int32_t NumberOf(const std::string& written);
  // Different labels so far.
  size_t size() const { return labels_.size(); }

  // Makes the labels of set->train and those of `known` that occur its classes (SortedClasses() of
  // own_columns.h) and numbers all samples by them. Where all labels are whole numbers, "1.0" and
  // "1" are one class, "1". Test samples of no such class are listed.
  absl::Status NameClasses(const std::vector<std::string>& known, SampleSet* set) const;

 private:
  // The classes that labels_ name, each at the place of its label.
  std::vector<std::string> Names() const;

  std::vector<std::string> labels_;
  absl::flat_hash_map<std::string, int32_t> numbers_;
};

}  // namespace tributary
