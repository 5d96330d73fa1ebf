// JSON, read element by element and as JSON Lines, beside the library's own tree of the whole.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "preparation/files/json_lines.h"
#include "preparation/files/json_stream.h"
#include "tests/fuzz/fuzz_target.h"

namespace tributary {
namespace {

using nlohmann::json;

void ReadArray(absl::string_view text) {
  std::vector<json> elements;
  const absl::Status status = VisitJsonArrays(
      text, "input", {{"a", [&](json element) { elements.push_back(std::move(element)); }}});
  FUZZ_CHECK(status.message().size() < 20'000);
  if (!status.ok()) return;
  const json whole = json::parse(text.begin(), text.end(), nullptr, false);
  FUZZ_CHECK(whole.is_object() && whole.contains("a"));
  // Of an array that is there twice the tree keeps the last.
  const json& array = whole["a"];
  if (!array.is_array()) return;
  FUZZ_CHECK(array.size() <= elements.size());
  for (size_t i = 1; i <= array.size(); ++i) {
    FUZZ_CHECK(array[array.size() - i] == elements[elements.size() - i]);
  }
}

void ReadLines(absl::string_view text) {
  JsonLines reader(text);
  int64_t last = 0;
  for (JsonLine line; reader.Next(&line);) {
    FUZZ_CHECK(line.line > last);
    last = line.line;
    FUZZ_CHECK(line.object.is_object());
    FUZZ_CHECK(line.broken.empty() || line.undecodable || line.object.empty());
    FUZZ_CHECK(line.broken.size() < 1000);
    if (line.broken.empty()) FUZZ_CHECK(json::parse(line.object.dump()) == line.object);
  }
}

}  // namespace
}  // namespace tributary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  tributary::ReadArray(text);
  tributary::ReadLines(text);
  return 0;
}
