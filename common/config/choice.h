// Choice: a word of a run file and the value that it stands for.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tributary {

template <typename T>
struct Choice {
  absl::string_view word;
  T value;
};

// The word of `value`; empty if the table lacks it.
template <typename T>
absl::string_view WordOf(const T& value, absl::Span<const Choice<T>> choices) {
  for (const Choice<T>& choice : choices) {
    if (choice.value == value) return choice.word;
  }
  return {};
}

}  // namespace tributary
