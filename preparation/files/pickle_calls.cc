// The calls in pickles that are understood: those by which numpy writes arrays and types, and
// Python bytes.

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "preparation/files/pickle_machine.h"
#include "preparation/files/pickle_text.h"

namespace tributary {
namespace {

constexpr size_t kMostDimensions = 8;

enum class Call { kNone, kReconstruct, kFromBuffer, kType, kScalar, kEncode, kBytes };

// "numpy._core.multiarray _reconstruct"; numpy 2 moved numpy.core to numpy._core.
Call CallOf(absl::string_view global) {
  const std::string name = absl::StrReplaceAll(global, {{"numpy._core.", "numpy.core."}});
  if (name == "numpy.core.multiarray _reconstruct") return Call::kReconstruct;
  if (name == "numpy.core.numeric _frombuffer") return Call::kFromBuffer;
  if (name == "numpy.core.multiarray scalar") return Call::kScalar;
  if (name == "numpy dtype") return Call::kType;
  if (name == "_codecs encode") return Call::kEncode;
  for (const absl::string_view bytes : {"bytes", "bytearray"}) {
    if (name == absl::StrCat("builtins ", bytes) || name == absl::StrCat("__builtin__ ", bytes)) {
      return Call::kBytes;
    }
  }
  return Call::kNone;
}

absl::Status NotUnderstood(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(what, " of a form that is not understood"));
}

bool IsString(const PickleValue& value) {
  return value.kind == PickleKind::kBytes || value.kind == PickleKind::kText;
}

// One call with its arguments.
class Caller {
 public:
  Caller(PickleMachine* machine, const std::vector<PickleRef>& arguments)
      : machine_(*machine), arguments_(arguments) {}

  absl::Status Make(Call call) {
    switch (call) {
      case Call::kReconstruct:
        return MakeEmptyArray();
      case Call::kFromBuffer:
        return MakeArray(0, 1, 2, OrderIsFortran());
      case Call::kType:
        return MakeType();
      case Call::kScalar:
        return MakeScalar();
      case Call::kEncode:
      case Call::kBytes:
        return MakeBytes();
      default:
        return NotUnderstood("a call");
    }
  }

  // Fills `array` with arguments `values`, `type`, `shape`.
  absl::Status FillArray(PickleRef array, size_t values, size_t type, size_t shape, bool fortran) {
    if (!Is(values, PickleKind::kBytes) && !Is(values, PickleKind::kText)) {
      return NotUnderstood("an array (of objects, perhaps)");
    }
    if (!Is(type, PickleKind::kType) || !Is(shape, PickleKind::kTuple)) {
      return NotUnderstood("an array");
    }
    std::vector<int64_t> sides;
    for (const PickleRef side : at(shape).items) {
      const PickleValue& value = machine_.value(side);
      if (value.kind != PickleKind::kInteger || value.integer < 0 ||
          sides.size() == kMostDimensions) {
        return NotUnderstood("an array's shape");
      }
      sides.push_back(value.integer);
    }
    PickleRef bytes = arguments_[values];
    if (at(values).kind == PickleKind::kText) {  // Python 2's str, read as Latin-1 and written anew
      ASSIGN_OR_RETURN(std::string encoded, EncodeLatin1(at(values).bytes));
      RETURN_IF_ERROR(machine_.PushDecoded(PickleKind::kBytes, std::move(encoded)));
      ASSIGN_OR_RETURN(bytes, machine_.Pop());
    }
    PickleValue& filled = machine_.value(array);
    filled.items = {bytes, arguments_[type]};
    filled.shape = std::move(sides);
    filled.fortran = fortran;
    return absl::OkStatus();
  }

  // A type's state is (version, byte order, ...).
  absl::Status OrderType(PickleRef type) {
    if (arguments_.size() < 2 || !IsString(at(1))) return NotUnderstood("a numpy type");
    const std::string plain(absl::StripPrefix(machine_.value(type).bytes, ">"));
    if (at(1).bytes == ">") return SetType(type, absl::StrCat(">", plain));
    return SetType(type, plain);
  }

 private:
  const PickleValue& at(size_t i) const { return machine_.value(arguments_[i]); }
  bool Is(size_t i, PickleKind kind) const { return i < arguments_.size() && at(i).kind == kind; }
  bool OrderIsFortran() const { return arguments_.size() > 3 && at(3).bytes == "F"; }

  absl::Status MakeEmptyArray() {
    PickleValue array;
    array.kind = PickleKind::kArray;
    return machine_.Push(std::move(array));
  }

  absl::Status MakeArray(size_t values, size_t type, size_t shape, bool fortran) {
    RETURN_IF_ERROR(MakeEmptyArray());
    ASSIGN_OR_RETURN(const PickleRef array, machine_.Top());
    return FillArray(array, values, type, shape, fortran);
  }

  // dtype('u1', False, True); '<i8' is told as "i8", little-endian being usual.
  absl::Status MakeType() {
    if (arguments_.empty() || !IsString(at(0))) return NotUnderstood("a numpy type");
    std::string name(at(0).bytes);
    if (!name.empty() && absl::StrContains("<|=", name.substr(0, 1))) name.erase(0, 1);
    return machine_.PushDecoded(PickleKind::kType, std::move(name));
  }

  absl::Status SetType(PickleRef type, std::string name) {
    RETURN_IF_ERROR(machine_.PushDecoded(PickleKind::kType, std::move(name)));
    ASSIGN_OR_RETURN(const PickleRef named, machine_.Pop());
    machine_.value(type).bytes = machine_.value(named).bytes;
    return absl::OkStatus();
  }

  // scalar(dtype, bytes): an integer.
  absl::Status MakeScalar() {
    if (!Is(0, PickleKind::kType) || !Is(1, PickleKind::kBytes)) return NotUnderstood("a scalar");
    const absl::string_view type = at(0).bytes, bytes = at(1).bytes;
    if (type.empty() || bytes.empty() || bytes.size() > 8 || (type[0] != 'i' && type[0] != 'u') ||
        type.substr(1) != absl::StrCat(bytes.size())) {
      return NotUnderstood("a scalar that is no integer");
    }
    uint64_t bits = 0;
    for (size_t i = bytes.size(); i > 0; --i) bits = bits << 8 | static_cast<uint8_t>(bytes[i - 1]);
    const size_t unused = 64 - 8 * bytes.size();
    PickleValue value;
    value.kind = PickleKind::kInteger;
    value.integer = static_cast<int64_t>(bits << unused) >> unused;
    if (type[0] == 'u') value.integer = static_cast<int64_t>(bits);
    return machine_.Push(std::move(value));
  }

  // _codecs.encode(text, 'latin1'), bytearray(text, 'latin-1'), bytes(), bytearray(bytes).
  absl::Status MakeBytes() {
    if (arguments_.empty()) return machine_.PushDecoded(PickleKind::kBytes, "");
    if (arguments_.size() == 1 && Is(0, PickleKind::kBytes)) return machine_.PushRef(arguments_[0]);
    const std::string encoding = arguments_.size() == 2 && IsString(at(1))
                                     ? absl::StrReplaceAll(at(1).bytes, {{"-", ""}, {"_", ""}})
                                     : "";
    if (!Is(0, PickleKind::kText) || encoding != "latin1") return NotUnderstood("encoded bytes");
    ASSIGN_OR_RETURN(std::string bytes, EncodeLatin1(at(0).bytes));
    return machine_.PushDecoded(PickleKind::kBytes, std::move(bytes));
  }

  PickleMachine& machine_;
  const std::vector<PickleRef>& arguments_;
};

}  // namespace

absl::Status PickleMachine::PushGlobal(absl::string_view module, absl::string_view name) {
  const std::string global = absl::StrCat(module, " ", name);
  // The class is an argument of _reconstruct.
  if (CallOf(global) != Call::kNone || global == "numpy ndarray") {
    return PushDecoded(PickleKind::kGlobal, global);
  }
  return absl::InvalidArgumentError(absl::StrCat("it calls for ", absl::CHexEscape(module), ".",
                                                 absl::CHexEscape(name),
                                                 ", which no dataset needs: refused"));
}

absl::Status PickleMachine::Reduce() {
  ASSIGN_OR_RETURN(const PickleRef arguments, Pop());
  ASSIGN_OR_RETURN(const PickleRef function, Pop());
  if (value(function).kind != PickleKind::kGlobal || value(arguments).kind != PickleKind::kTuple) {
    return absl::InvalidArgumentError("a call of what is no function");
  }
  const std::vector<PickleRef> items = value(arguments).items;
  return Caller(this, items).Make(CallOf(value(function).bytes));
}

absl::Status PickleMachine::Build() {
  ASSIGN_OR_RETURN(const PickleRef state, Pop());
  ASSIGN_OR_RETURN(const PickleRef object, Top());
  const PickleKind kind = value(object).kind;
  if (value(state).kind == PickleKind::kTuple) {
    const std::vector<PickleRef> items = value(state).items;
    Caller caller(this, items);
    // (version, shape, type, is Fortran, values)
    if (kind == PickleKind::kArray && items.size() == 5) {
      return caller.FillArray(object, 4, 2, 1, value(items[3]).integer != 0);
    }
    if (kind == PickleKind::kType) return caller.OrderType(object);
  }
  return absl::InvalidArgumentError("a state for what is no array");
}

}  // namespace tributary
