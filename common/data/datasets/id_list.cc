#include "common/data/datasets/id_list.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr absl::string_view kMagic = "\x93NUMPY";

// `count` bytes, little endian, taken off the front of `bytes`, which must have them.
uint64_t TakeNumber(absl::string_view* bytes, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number |= uint64_t{static_cast<uint8_t>((*bytes)[i])} << (8 * i);
  }
  bytes->remove_prefix(count);
  return number;
}

// What stands behind "'key':" in the header, a Python dictionary, up to `end`.
absl::string_view ValueOf(absl::string_view header, absl::string_view key, char end) {
  const size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) return "";
  header.remove_prefix(at + key.size() + 3);
  return absl::StripAsciiWhitespace(header.substr(0, header.find(end)));
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> ParseIdList(absl::string_view bytes) {
  constexpr size_t kVersion = 2, kShortSize = 2, kLongSize = 4;
  if (!absl::ConsumePrefix(&bytes, kMagic) || bytes.size() < kVersion + kLongSize) {
    return absl::InvalidArgumentError("is no .npy file");
  }
  const bool first_version = bytes[0] == 1;
  bytes.remove_prefix(kVersion);
  const uint64_t header_size = TakeNumber(&bytes, first_version ? kShortSize : kLongSize);
  const absl::string_view header = bytes.substr(0, header_size);
  const absl::string_view type = ValueOf(header, "descr", ',');
  absl::string_view shape = ValueOf(header, "shape", ')');
  uint64_t count;
  if ((type != "'<i8'" && type != "'<i4'") || !absl::ConsumePrefix(&shape, "(") ||
      !absl::ConsumeSuffix(&shape, ",") || !absl::SimpleAtoi(shape, &count)) {
    return absl::InvalidArgumentError(absl::StrCat("holds ", type, " of shape (", shape,
                                                   "); expected '<i8' or '<i4' of shape (n,)"));
  }
  bytes.remove_prefix(header.size());
  const size_t width = type == "'<i8'" ? 8 : 4;
  if (count != bytes.size() / width || bytes.size() % width != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", bytes.size(), " bytes for ", count, " ids of ", width));
  }
  std::vector<int64_t> ids(count);
  for (int64_t& id : ids) {
    const uint64_t number = TakeNumber(&bytes, width);
    id = width == 8 ? static_cast<int64_t>(number) : static_cast<int32_t>(number);
  }
  return ids;
}

absl::StatusOr<std::vector<int64_t>> ReadIdList(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<std::vector<int64_t>> ids = ParseIdList(bytes);
  if (!ids.ok()) return Annotate(ids.status(), path);
  return ids;
}

}  // namespace tributary
