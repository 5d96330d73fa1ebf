// An IDX file.
#include "absl/strings/string_view.h"
#include "preparation/files/idx.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto array = ParseIdx(bytes);
  if (!array.ok()) return 0;
  FUZZ_CHECK(array->values.data() + array->values.size() == bytes.data() + bytes.size());
  FUZZ_CHECK(array->values.size() < bytes.size());
  uint64_t count = 1;
  for (const int64_t side : array->shape) count *= static_cast<uint64_t>(side);
  FUZZ_CHECK(!array->shape.empty() && count == array->values.size());
  return 0;
}
