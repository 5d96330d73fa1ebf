#include "preparation/files/npy.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr absl::string_view kMagic = "\x93NUMPY";
constexpr size_t kMostDimensions = 8;

// The header's Python literal: {'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }.
class LiteralReader {
 public:
  explicit LiteralReader(absl::string_view text) : text_(text) {}

  bool Take(char c) {
    SkipSpace();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeWord(absl::string_view word) {
    SkipSpace();
    if (!absl::StartsWith(text_, word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool TakeString(std::string* value) {
    SkipSpace();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const size_t end = text_.find(text_[0], 1);
    if (end == absl::string_view::npos) return false;
    *value = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return true;
  }
  bool TakeInteger(int64_t* value) {
    SkipSpace();
    const auto end = std::find_if_not(text_.begin(), text_.end(), absl::ascii_isdigit);
    const auto length = static_cast<size_t>(end - text_.begin());
    if (!absl::SimpleAtoi(text_.substr(0, length), value)) return false;
    text_.remove_prefix(length);
    Take('L');  // as Python 2 wrote it
    return true;
  }
  bool TakeShape(std::vector<int64_t>* shape) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      int64_t side;
      if (shape->size() == kMostDimensions || !TakeInteger(&side)) return false;
      shape->push_back(side);
      if (!Take(',')) return Take(')');
    }
    return true;
  }

 private:
  void SkipSpace() { text_ = absl::StripLeadingAsciiWhitespace(text_); }

  absl::string_view text_;
};

struct Literal {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

bool ParseLiteral(absl::string_view text, Literal* literal) {
  LiteralReader reader(text);
  bool descr = false, order = false, shape = false;
  if (!reader.Take('{')) return false;
  while (!reader.Take('}')) {
    std::string key;
    if (!reader.TakeString(&key) || !reader.Take(':')) return false;
    if (key == "descr" && !descr) {
      descr = reader.TakeString(&literal->descr);
      if (!descr) return false;
    } else if (key == "fortran_order" && !order) {
      literal->fortran = reader.TakeWord("True");
      order = literal->fortran || reader.TakeWord("False");
      if (!order) return false;
    } else if (key == "shape" && !shape) {
      shape = reader.TakeShape(&literal->shape);
      if (!shape) return false;
    } else {
      return false;
    }
    reader.Take(',');
  }
  return descr && order && shape;
}

// "|u1", "<i8", ">f4".
bool ParseType(absl::string_view descr, NpyHeader* header) {
  if (descr.size() != 3 || !absl::StrContains("<>|=", descr.substr(0, 1)) ||
      !absl::StrContains("biuf", descr.substr(1, 1)) ||
      !absl::StrContains("1248", descr.substr(2, 1))) {
    return false;
  }
  header->big_endian = descr[0] == '>';
  header->kind = descr[1];
  header->width = static_cast<size_t>(descr[2] - '0');
  return true;
}

// The product; more than `most` if it is larger.
uint64_t CountOf(const std::vector<int64_t>& shape, uint64_t most) {
  uint64_t count = 1;
  // Before any product: [2^40, 2^40, 0] is an array of nothing and not too large.
  for (const int64_t side : shape) {
    if (side == 0) return 0;
  }
  for (const int64_t side : shape) {
    if (count > most / static_cast<uint64_t>(side)) return most + 1;
    count *= static_cast<uint64_t>(side);
  }
  return count;
}

// Where the literal begins; 0 if this is no .npy file of a version that is known.
size_t LiteralBegin(absl::string_view head, uint64_t* length) {
  if (head.size() < kMagic.size() + 4 || !absl::StartsWith(head, kMagic)) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(head[i]); };
  const uint8_t version = byte(6);
  const size_t width = version == 1 ? 2 : 4;  // of the literal's length
  if (version < 1 || version > 3 || head.size() < 8 + width) return 0;
  *length = 0;
  for (size_t i = 0; i < width; ++i) *length |= static_cast<uint64_t>(byte(8 + i)) << (8 * i);
  return 8 + width;
}

// Its bits; of a negative number with its sign in front.
uint64_t ValueAt(absl::string_view bytes, const NpyHeader& header) {
  const auto byte = [&](size_t i) {  // the first is the highest
    return static_cast<uint8_t>(bytes[header.big_endian ? i : header.width - 1 - i]);
  };
  uint64_t value = header.kind == 'i' && byte(0) >= 0x80 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < header.width; ++i) value = value << 8 | byte(i);
  return value;
}

}  // namespace

std::string NpyHeader::Type() const {
  return absl::StrCat(big_endian ? ">" : "", std::string(1, kind), width);
}

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view head, uint64_t size) {
  uint64_t length = 0;
  const size_t begin = LiteralBegin(head, &length);
  if (begin == 0) return absl::InvalidArgumentError("no .npy file of version 1, 2 or 3");
  if (length > head.size() - begin) {
    return absl::DataLossError(
        absl::StrCat("a .npy header of ", length, " bytes: too long, or cut short"));
  }
  Literal literal;
  NpyHeader header;
  if (!ParseLiteral(head.substr(begin, length), &literal) || !ParseType(literal.descr, &header)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a .npy file that is no array of bool, int, uint or float: ",
                     absl::CHexEscape(head.substr(begin, std::min<uint64_t>(length, 120)))));
  }
  // With one side longer than 1, both orders are the same bytes; numpy marks such arrays either
  // way.
  const auto is_long = [](int64_t side) { return side > 1; };
  if (literal.fortran && std::count_if(literal.shape.begin(), literal.shape.end(), is_long) > 1) {
    return absl::InvalidArgumentError(
        "an array in Fortran order; save numpy.ascontiguousarray() of it");
  }
  header.shape = literal.shape;
  header.offset = begin + length;
  const uint64_t bytes = size - header.offset;
  header.count = CountOf(header.shape, bytes);
  if (header.count > bytes / header.width || header.count * header.width != bytes) {
    return absl::DataLossError(absl::StrCat("its header says ", literal.descr, " [",
                                            absl::StrJoin(header.shape, ", "), "], but ", bytes,
                                            " bytes follow; it is cut short or damaged"));
  }
  return header;
}

absl::StatusOr<NpyHeader> ReadNpyHeader(const FileTree& tree, size_t file) {
  ASSIGN_OR_RETURN(const uint64_t size, tree.Size(file));
  ASSIGN_OR_RETURN(const std::string head, tree.Read(file, 0, std::min(size, kNpyHead)));
  auto header = ParseNpyHeader(head, size);
  if (!header.ok()) return Annotate(header.status(), tree.Describe(file));
  return header;
}

absl::StatusOr<NpyIntegers> ParseNpyIntegers(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes.substr(0, kNpyHead), bytes.size()));
  if (header.kind == 'f') {
    return absl::InvalidArgumentError(
        absl::StrCat("an array of ", header.Type(), "; expected integers"));
  }
  NpyIntegers integers{.shape = header.shape, .values = {}};
  integers.values.reserve(header.count);
  for (size_t at = header.offset; at < bytes.size(); at += header.width) {
    const uint64_t value = ValueAt(bytes.substr(at, header.width), header);
    if (header.kind == 'u' && value > std::numeric_limits<int64_t>::max()) {
      return absl::InvalidArgumentError(absl::StrCat("the value ", value, " is beyond int64"));
    }
    integers.values.push_back(static_cast<int64_t>(value));
  }
  return integers;
}

absl::StatusOr<std::vector<int64_t>> ReadIds(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  auto integers = ParseNpyIntegers(bytes);
  if (!integers.ok()) return Annotate(integers.status(), path);
  if (integers->shape.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": an array of shape [",
                                                   absl::StrJoin(integers->shape, ", "),
                                                   "]; expected a list of ids, [n]"));
  }
  return std::move(integers->values);
}

}  // namespace tributary
