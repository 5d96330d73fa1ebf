// JSON Lines: an object on each line, with line numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"

namespace tributary {

inline constexpr size_t kLongestJsonLine = 1 << 20;

struct JsonLine {
  int64_t line = 0;  // from 1
  nlohmann::json object = nlohmann::json::object();
  std::string broken{};  // why the line holds no object; empty if it does
  // Broken by nothing but bytes that are not UTF-8; `object` is what a person would take it for
  // (AsUsualText() of text_encoding.h).
  bool undecodable = false;
};

// Empty lines and a byte order mark are passed over. Not thread-safe.
class JsonLines {
 public:
  // `text` must outlive this.
  explicit JsonLines(absl::string_view text);
  // The next line, whole or broken; false at the end.
  bool Next(JsonLine* line);

 private:
  absl::string_view rest_;
  int64_t line_ = 0;
};

}  // namespace tributary
