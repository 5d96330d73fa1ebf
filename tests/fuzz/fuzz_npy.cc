// A .npy file: its header, and its values as integers.
#include <algorithm>

#include "absl/strings/string_view.h"
#include "preparation/files/npy.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto header = ParseNpyHeader(bytes.substr(0, kNpyHead), size);
  const auto integers = ParseNpyIntegers(bytes);
  if (!header.ok()) {
    FUZZ_CHECK(!integers.ok());
    return 0;
  }
  FUZZ_CHECK(header->offset + header->count * header->width == size);
  uint64_t count = 1;
  for (const int64_t side : header->shape) {
    FUZZ_CHECK(side >= 0);
    count *= static_cast<uint64_t>(side);
  }
  FUZZ_CHECK(count == header->count);
  FUZZ_CHECK(header->kind != 'f' || !integers.ok());
  if (integers.ok()) FUZZ_CHECK(integers->values.size() == header->count);
  return 0;
}
