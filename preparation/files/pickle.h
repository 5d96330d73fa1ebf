// A restricted reader of Python's pickles (protocols 0 to 5), as CIFAR's Python archives hold them:
// None, numbers, bytes, text, tuples, lists, dicts and numpy's arrays, out of Python 2 or 3.
//
// Nothing is executed: a pickle is a program for a small stack machine that may call any function
// of Python's; here the few that make arrays and bytes are understood, and any other is refused by
// its name. Source: Python's Lib/pickletools.py.
//
// Memory is bounded by a small multiple of the pickle's size: at most 2 million values, whose bytes
// stay where they are in the pickle if they lie there as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

enum class PickleKind {
  kNone,
  kBool,
  kInteger,
  kFloat,
  kBytes,  // bytes and bytearray, and what Python 2 calls str
  kText,   // UTF-8
  kTuple,
  kList,
  kDict,
  kArray,   // numpy's ndarray
  kType,    // numpy's dtype
  kGlobal,  // a function or class by its name
};

// Which value: of Pickle::at().
using PickleRef = uint32_t;

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t integer = 0;      // kBool (0 or 1), kInteger
  double number = 0;        // kFloat
  absl::string_view bytes;  // kBytes, kText; kType: "u1", ">i8"; kGlobal: "module name"
  // kTuple, kList: the items; kDict: key, value, key, value ...; kArray: the values as kBytes and
  // the kType, in this order.
  std::vector<PickleRef> items;
  std::vector<int64_t> shape;  // kArray
  bool fortran = false;        // kArray: the first index varies fastest
};

// Immutable and thread-safe after Parse(). Values may contain themselves, so that nobody should
// walk through all of them by recursion.
class Pickle {
 public:
  // `bytes` must outlive the result. InvalidArgument tells the place and what is not understood
  // there, DataLoss where it is cut short, ResourceExhausted where it is larger than any dataset's.
  static absl::StatusOr<Pickle> Parse(absl::string_view bytes);

  const PickleValue& root() const { return values_[root_]; }
  const PickleValue& at(PickleRef ref) const { return values_[ref]; }

  // The value of `key`, bytes or text, in `dict`; null if `dict` is none or has no such key.
  const PickleValue* Find(const PickleValue& dict, absl::string_view key) const;
  // Where a value's bytes lie in the pickle; nothing if they do not lie there as they are.
  std::optional<uint64_t> PlaceOf(const PickleValue& value) const;

 private:
  friend class PickleMachine;
  Pickle() = default;

  absl::string_view input_;
  std::deque<PickleValue> values_;
  std::deque<std::string> decoded_;  // bytes that do not lie in the pickle as they are
  PickleRef root_ = 0;
};

}  // namespace tributary
