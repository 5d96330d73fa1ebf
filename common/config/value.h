// Value and ValueRange: what a setting is set to, and what it may be. The run file, the wire and
// the documentation all describe and check settings by them.
//
// Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tributary {

// A choice is held as its word.
using Value = std::variant<bool, int64_t, double, absl::Duration, std::string>;

struct FlagRange {};
struct TextRange {};
// Bounds are included.
struct WholeRange {
  int64_t least, most;
};
struct NumberRange {
  double least, most;
};
struct TimeRange {
  absl::Duration least, most;
};
struct WordRange {
  std::vector<std::string> words;
};
using ValueRange =
    std::variant<FlagRange, TextRange, WholeRange, NumberRange, TimeRange, WordRange>;

// What a value must be, as the end of a message: "must be a whole number from 1 to 9".
std::string Expected(const ValueRange& range);

// Empty if `value` is within `range`; otherwise what is wrong with it, as the end of a message:
// "is 0; it must be a whole number from 1 to 9". A value of another type than the range is wrong.
std::string Complaint(const Value& value, const ValueRange& range);

// `number` as a person writes it: 0.25, 1e-7, 1e9. Six digits.
std::string ShortNumber(double number);

// `value` as a run file gives it: 5, 0.1, true, "30m", "fedavg".
std::string TomlOf(const Value& value);

}  // namespace tributary
