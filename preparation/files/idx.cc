#include "preparation/files/idx.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr size_t kMagic = 4, kDimension = 4, kMostDimensions = 4;
constexpr uint8_t kUint8 = 8;

int64_t BigEndian32(absl::string_view bytes) {
  int64_t value = 0;
  for (size_t i = 0; i < kDimension; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

absl::StatusOr<IdxArray> ParseIdx(absl::string_view bytes) {
  if (bytes.size() < kMagic || bytes[0] != 0 || bytes[1] != 0) {
    return absl::InvalidArgumentError("no IDX file: it does not begin with two zeros and a type");
  }
  const auto type = static_cast<uint8_t>(bytes[2]);
  const auto dimensions = static_cast<uint8_t>(bytes[3]);
  if (type != kUint8 || dimensions < 1 || dimensions > kMostDimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat("an IDX file of type ", type, " with ", dimensions,
                     " dimensions; expected uint8 (type 8) with 1 to ", kMostDimensions));
  }
  const size_t header = kMagic + kDimension * dimensions;
  if (bytes.size() < header) return absl::DataLossError("an IDX file cut short in its header");
  IdxArray array;
  uint64_t expected = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    array.shape.push_back(BigEndian32(bytes.substr(kMagic + i * kDimension)));
    const auto side = static_cast<uint64_t>(array.shape.back());
    // More values than there are bytes: also keeps the product from wrapping around.
    if (side != 0 && expected > bytes.size() / side)
      expected = bytes.size() + 1;
    else
      expected *= side;
  }
  array.values = bytes.substr(header);
  if (array.values.size() != expected) {
    return absl::DataLossError(absl::StrCat(
        "an IDX file of ", array.values.size(), " values, but its dimensions say ",
        expected > bytes.size() ? "more" : "fewer or more", "; it is cut short or damaged"));
  }
  return array;
}

}  // namespace tributary
