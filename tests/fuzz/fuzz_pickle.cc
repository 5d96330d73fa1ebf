// A pickle; of one that is taken, each value is looked at.
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/string_view.h"
#include "preparation/files/pickle.h"
#include "tests/fuzz/fuzz_target.h"

namespace tributary {
namespace {

// What holds of any value, whatever the pickle says.
void Look(const Pickle& pickle, const PickleValue& value, absl::string_view input) {
  FUZZ_CHECK(value.kind != PickleKind::kDict || value.items.size() % 2 == 0);
  FUZZ_CHECK(value.kind != PickleKind::kArray || value.items.empty() || value.items.size() == 2);
  FUZZ_CHECK(value.kind != PickleKind::kBool || value.integer == 0 || value.integer == 1);
  size_t sum = 0;  // so that every byte is read
  for (const char byte : value.bytes) sum += static_cast<uint8_t>(byte);
  FUZZ_CHECK(sum <= 255 * value.bytes.size());
  const auto place = pickle.PlaceOf(value);
  if (place) {
    FUZZ_CHECK(*place + value.bytes.size() <= input.size());
    FUZZ_CHECK(input.substr(*place, value.bytes.size()) == value.bytes);
  }
  const PickleValue* data = pickle.Find(value, "data");
  FUZZ_CHECK(data == nullptr || value.kind == PickleKind::kDict);
}

}  // namespace
}  // namespace tributary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const auto pickle = Pickle::Parse(input);
  if (!pickle.ok()) return 0;
  Look(*pickle, pickle->root(), input);
  std::vector<PickleRef> left = pickle->root().items;
  std::unordered_set<PickleRef> seen(left.begin(), left.end());
  while (!left.empty()) {
    const PickleValue& value = pickle->at(left.back());
    left.pop_back();
    Look(*pickle, value, input);
    for (const PickleRef item : value.items) {
      if (seen.insert(item).second) left.push_back(item);
    }
  }
  return 0;
}
