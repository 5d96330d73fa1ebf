// Whether bytes are UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tributary {

// Where the first byte stands, from 0, that is no UTF-8; nothing if all are.
std::optional<size_t> FindBrokenUtf8(absl::string_view text);

// "broken UTF-8 at byte 17", counted from 1, or empty: why a text is skipped.
std::string DescribeBrokenUtf8(absl::string_view text);

}  // namespace tributary
