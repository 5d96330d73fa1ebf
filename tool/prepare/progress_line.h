// ProgressLine: the progress of a preparation as a line on standard error.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "preparation/prepare.h"

namespace tributary {

// On a terminal the line is rewritten in place; elsewhere each tenth prints a new one.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  void Show(const PrepareProgress& progress);

 private:
  const std::string what_;
  const bool terminal_;
  const absl::Time began_;
  absl::Time shown_at_ = absl::InfinitePast();
  int64_t shown_tenth_ = -1;
};

}  // namespace tributary
