// Text of your own tables that is not UTF-8: read in the encoding that was asked for, or left out,
// but never in silence.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// `bytes` of the file `path` in UTF-8: converted from `encoding`, or as they are if that is empty.
// InvalidArgument, naming `path`, for an unknown encoding, for bytes that mean nothing in it, and
// for a byte order mark of another one where none was asked for.
absl::StatusOr<std::string> DecodeTable(std::string bytes, const std::string& encoding,
                                        const std::string& path);

// Rows that were left out because they are not UTF-8, by class.
class EncodingLosses {
 public:
  // `label`: the row's, as a person would read it; empty without classes.
  void Note(const std::string& label) { ++by_label_[label]; }

  // Tells the losses in set->notes. FailedPrecondition if a class is lost altogether: a run would
  // then train on fewer classes than the table has. Call once the classes are named.
  absl::Status Report(SampleSet* set) const;

 private:
  std::map<std::string, int64_t> by_label_;
};

}  // namespace tributary
