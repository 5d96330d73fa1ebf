#include "tests/fuzz/fixed_manifest.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tributary {

const Manifest& FixedManifest() {
  static const Manifest manifest{.tensors = {{"weight", {2, 2100}},
                                             {"empty", {0, 3}},
                                             {"bias", {17}},
                                             {"scale", {}},
                                             {"public.features", {3, 100}}}};
  return manifest;
}

std::string JoinChunks(absl::Span<const std::string> chunks) {
  std::string input;
  for (const std::string& chunk : chunks) {
    const auto length = static_cast<uint32_t>(chunk.size());
    input.append(reinterpret_cast<const char*>(&length), sizeof(length));
    input += chunk;
  }
  return input;
}

std::vector<std::string> SplitChunks(absl::string_view input) {
  std::vector<std::string> chunks;
  uint32_t length;
  while (input.size() >= sizeof(length)) {
    std::memcpy(&length, input.data(), sizeof(length));
    input.remove_prefix(sizeof(length));
    const size_t size = std::min<size_t>(length, input.size());
    chunks.emplace_back(input.substr(0, size));
    input.remove_prefix(size);
  }
  return chunks;
}

}  // namespace tributary
