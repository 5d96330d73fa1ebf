// The opcodes of pickles, protocols 0 to 5, in the order of Python's pickletools.

#include <array>
#include <bit>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "preparation/files/pickle_machine.h"
#include "preparation/files/pickle_text.h"

namespace tributary {
namespace {

using Machine = PickleMachine;
using Run = absl::Status (*)(Machine*);

constexpr uint64_t kLastProtocol = 5;

PickleValue Plain(PickleKind kind, int64_t integer = 0) {
  PickleValue value;
  value.kind = kind;
  value.integer = integer;
  return value;
}

PickleValue String(PickleKind kind, absl::string_view bytes) {
  PickleValue value;
  value.kind = kind;
  value.bytes = bytes;
  return value;
}

PickleValue Sequence(PickleKind kind, std::vector<PickleRef> items = {}) {
  PickleValue value;
  value.kind = kind;
  value.items = std::move(items);
  return value;
}

template <PickleKind kind, int64_t integer>
absl::Status PushPlain(Machine* machine) {
  return machine->Push(Plain(kind, integer));
}

// "12", "12L"; protocol 0 has "00" and "01" for False and True.
absl::Status PushDecimal(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view line, machine->TakeLine());
  if (line == "00" || line == "01") return machine->Push(Plain(PickleKind::kBool, line[1] - '0'));
  int64_t value;
  if (!absl::SimpleAtoi(absl::StripSuffix(line, "L"), &value)) {
    return absl::InvalidArgumentError("an integer that is none, or beyond int64");
  }
  return machine->Push(Plain(PickleKind::kInteger, value));
}

// Two's complement, little-endian.
absl::StatusOr<int64_t> TakeSigned(Machine* machine, uint64_t width) {
  if (width == 0) return 0;
  if (width > sizeof(int64_t)) return absl::InvalidArgumentError("an integer beyond int64");
  ASSIGN_OR_RETURN(const uint64_t bits, machine->TakeUnsigned(width));
  const uint64_t unused = 64 - 8 * width;
  return static_cast<int64_t>(bits << unused) >> unused;
}

absl::Status PushInt4(Machine* machine) {
  ASSIGN_OR_RETURN(const int64_t value, TakeSigned(machine, 4));
  return machine->Push(Plain(PickleKind::kInteger, value));
}

template <size_t width>
absl::Status PushUnsigned(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t value, machine->TakeUnsigned(width));
  return machine->Push(Plain(PickleKind::kInteger, static_cast<int64_t>(value)));
}

template <size_t width>
absl::Status PushLong(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t length, machine->TakeUnsigned(width));
  ASSIGN_OR_RETURN(const int64_t value, TakeSigned(machine, length));
  return machine->Push(Plain(PickleKind::kInteger, value));
}

absl::Status PushFloatLine(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view line, machine->TakeLine());
  PickleValue value = Plain(PickleKind::kFloat);
  if (!absl::SimpleAtod(line, &value.number)) {
    return absl::InvalidArgumentError("a float that is none");
  }
  return machine->Push(std::move(value));
}

absl::Status PushFloat8(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, machine->Take(sizeof(double)));
  uint64_t bits = 0;  // big-endian, alone among all numbers
  for (const char byte : bytes) bits = bits << 8 | static_cast<uint8_t>(byte);
  PickleValue value = Plain(PickleKind::kFloat);
  value.number = std::bit_cast<double>(bits);
  return machine->Push(std::move(value));
}

template <PickleKind kind, size_t width>
absl::Status PushCounted(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t size, machine->TakeUnsigned(width));
  ASSIGN_OR_RETURN(const absl::string_view bytes, machine->Take(size));
  return machine->Push(String(kind, bytes));
}

absl::Status PushQuoted(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view line, machine->TakeLine());
  ASSIGN_OR_RETURN(std::string bytes, UnquotePython(absl::StripTrailingAsciiWhitespace(line)));
  return machine->PushDecoded(PickleKind::kBytes, std::move(bytes));
}

absl::Status PushEscaped(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view line, machine->TakeLine());
  ASSIGN_OR_RETURN(std::string text, FromRawUnicodeEscape(line));
  return machine->PushDecoded(PickleKind::kText, std::move(text));
}

template <PickleKind kind>
absl::Status PushEmpty(Machine* machine) {
  return machine->Push(Sequence(kind));
}

template <PickleKind kind>
absl::Status PushMarked(Machine* machine) {
  ASSIGN_OR_RETURN(std::vector<PickleRef> items, machine->PopMarked());
  if (kind == PickleKind::kDict && items.size() % 2 != 0) {
    return absl::InvalidArgumentError("a dict with a key without its value");
  }
  return machine->Push(Sequence(kind, std::move(items)));
}

template <size_t count>
absl::Status PushTuple(Machine* machine) {
  std::vector<PickleRef> items(count);
  for (size_t i = count; i > 0; --i) {
    ASSIGN_OR_RETURN(items[i - 1], machine->Pop());
  }
  return machine->Push(Sequence(PickleKind::kTuple, std::move(items)));
}

absl::Status Extend(Machine* machine, PickleKind kind, const std::vector<PickleRef>& items) {
  ASSIGN_OR_RETURN(const PickleRef top, machine->Top());
  PickleValue& value = machine->value(top);
  if (value.kind != kind || (kind == PickleKind::kDict && items.size() % 2 != 0)) {
    return absl::InvalidArgumentError("items for what is no list or dict");
  }
  value.items.insert(value.items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Append(Machine* machine) {
  ASSIGN_OR_RETURN(const PickleRef item, machine->Pop());
  return Extend(machine, PickleKind::kList, {item});
}

absl::Status SetItem(Machine* machine) {
  ASSIGN_OR_RETURN(const PickleRef value, machine->Pop());
  ASSIGN_OR_RETURN(const PickleRef key, machine->Pop());
  return Extend(machine, PickleKind::kDict, {key, value});
}

template <PickleKind kind>
absl::Status ExtendMarked(Machine* machine) {
  ASSIGN_OR_RETURN(const std::vector<PickleRef> items, machine->PopMarked());
  return Extend(machine, kind, items);
}

absl::StatusOr<uint64_t> TakePlace(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view line, machine->TakeLine());
  uint64_t place;
  if (!absl::SimpleAtoi(line, &place)) return absl::InvalidArgumentError("a place that is none");
  return place;
}

absl::Status RememberLine(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t place, TakePlace(machine));
  return machine->Remember(place);
}

absl::Status RecallLine(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t place, TakePlace(machine));
  return machine->Recall(place);
}

template <size_t width>
absl::Status Remember(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t place, machine->TakeUnsigned(width));
  return machine->Remember(place);
}

template <size_t width>
absl::Status Recall(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t place, machine->TakeUnsigned(width));
  return machine->Recall(place);
}

absl::Status CheckProtocol(Machine* machine) {
  ASSIGN_OR_RETURN(const uint64_t protocol, machine->TakeUnsigned(1));
  if (protocol <= kLastProtocol) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("protocol ", protocol, "; known are those up to ", kLastProtocol));
}

absl::Status PushGlobal(Machine* machine) {
  ASSIGN_OR_RETURN(const absl::string_view module, machine->TakeLine());
  ASSIGN_OR_RETURN(const absl::string_view name, machine->TakeLine());
  return machine->PushGlobal(module, name);
}

absl::Status PushStackGlobal(Machine* machine) {
  ASSIGN_OR_RETURN(const PickleRef name, machine->Pop());
  ASSIGN_OR_RETURN(const PickleRef module, machine->Pop());
  const PickleValue& first = machine->value(module);
  const PickleValue& second = machine->value(name);
  if (first.kind != PickleKind::kText || second.kind != PickleKind::kText) {
    return absl::InvalidArgumentError("a global whose name is no text");
  }
  return machine->PushGlobal(first.bytes, second.bytes);
}

// INST: a call as protocol 0 wrote it, of classes that no dataset needs.
absl::Status RefuseInstance(Machine* machine) {
  RETURN_IF_ERROR(PushGlobal(machine));
  return absl::InvalidArgumentError("an instance of a form that is not understood");
}

template <typename Value>
absl::Status Ignore(const absl::StatusOr<Value>& taken) {
  return taken.status();
}

// What is missing calls or finds things by other ways (persistent ids, extension codes, buffers out
// of band) or makes sets, which no dataset's pickle has.
std::array<Run, 256> MakeTable() {
  using Kind = PickleKind;
  std::array<Run, 256> table{};
  const auto set = [&](uint8_t code, Run run) { table[code] = run; };
  set('(', [](Machine* machine) { return machine->Mark(); });
  set('0', [](Machine* machine) { return Ignore(machine->Pop()); });
  set('1', [](Machine* machine) { return Ignore(machine->PopMarked()); });
  set('2', [](Machine* machine) {  // DUP: the same value, not a copy
    const auto top = machine->Top();
    return top.ok() ? machine->PushRef(*top) : top.status();
  });
  set('N', PushPlain<Kind::kNone, 0>);
  set(0x88, PushPlain<Kind::kBool, 1>);
  set(0x89, PushPlain<Kind::kBool, 0>);
  for (const uint8_t code : std::initializer_list<uint8_t>{'I', 'L'}) set(code, PushDecimal);
  set('J', PushInt4);
  set('K', PushUnsigned<1>);
  set('M', PushUnsigned<2>);
  set(0x8a, PushLong<1>);
  set(0x8b, PushLong<4>);
  set('F', PushFloatLine);
  set('G', PushFloat8);
  set('S', PushQuoted);
  for (const uint8_t code : std::initializer_list<uint8_t>{'U', 'C'})
    set(code, PushCounted<Kind::kBytes, 1>);
  for (const uint8_t code : std::initializer_list<uint8_t>{'T', 'B'})
    set(code, PushCounted<Kind::kBytes, 4>);
  for (const uint8_t code : std::initializer_list<uint8_t>{0x8e, 0x96})
    set(code, PushCounted<Kind::kBytes, 8>);
  set('V', PushEscaped);
  set(0x8c, PushCounted<Kind::kText, 1>);
  set('X', PushCounted<Kind::kText, 4>);
  set(0x8d, PushCounted<Kind::kText, 8>);
  set(')', PushEmpty<Kind::kTuple>);
  set(']', PushEmpty<Kind::kList>);
  set('}', PushEmpty<Kind::kDict>);
  set('t', PushMarked<Kind::kTuple>);
  set('l', PushMarked<Kind::kList>);
  set('d', PushMarked<Kind::kDict>);
  set(0x85, PushTuple<1>);
  set(0x86, PushTuple<2>);
  set(0x87, PushTuple<3>);
  set('a', Append);
  set('s', SetItem);
  set('e', ExtendMarked<Kind::kList>);
  set('u', ExtendMarked<Kind::kDict>);
  set('p', RememberLine);
  set('q', Remember<1>);
  set('r', Remember<4>);
  set(0x94, [](Machine* machine) { return machine->RememberNext(); });
  set('g', RecallLine);
  set('h', Recall<1>);
  set('j', Recall<4>);
  set(0x80, CheckProtocol);
  set(0x95, [](Machine* machine) { return Ignore(machine->TakeUnsigned(8)); });  // a frame's size
  set('c', PushGlobal);
  set(0x93, PushStackGlobal);
  set('i', RefuseInstance);
  set('R', [](Machine* machine) { return machine->Reduce(); });
  set('b', [](Machine* machine) { return machine->Build(); });
  return table;
}

}  // namespace

absl::Status RunOpcode(uint8_t opcode, PickleMachine* machine) {
  static const std::array<Run, 256> kTable = MakeTable();
  if (kTable[opcode] != nullptr) return kTable[opcode](machine);
  return absl::InvalidArgumentError(
      absl::StrCat("opcode ", opcode, ", which no dataset's pickle has"));
}

}  // namespace tributary
