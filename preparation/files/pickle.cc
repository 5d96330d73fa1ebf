#include "preparation/files/pickle.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/pickle_machine.h"

namespace tributary {
namespace {

constexpr size_t kMostValues = 2'000'000;
constexpr size_t kMostStack = 4'000'000;
constexpr uint8_t kStop = '.';

}  // namespace

PickleMachine::PickleMachine(absl::string_view input) : input_(input) { pickle_.input_ = input; }

absl::StatusOr<absl::string_view> PickleMachine::Take(uint64_t size) {
  if (size > input_.size() - at_) return absl::DataLossError("cut short");
  const absl::string_view taken = input_.substr(at_, size);
  at_ += size;
  return taken;
}

absl::StatusOr<uint64_t> PickleMachine::TakeUnsigned(size_t width) {
  ASSIGN_OR_RETURN(const absl::string_view bytes, Take(width));
  uint64_t value = 0;
  for (size_t i = width; i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

absl::StatusOr<absl::string_view> PickleMachine::TakeLine() {
  const size_t end = input_.find('\n', at_);
  if (end == absl::string_view::npos) return absl::DataLossError("cut short in a line");
  const absl::string_view line = input_.substr(at_, end - at_);
  at_ = end + 1;
  return line;
}

absl::Status PickleMachine::Push(PickleValue value) {
  if (pickle_.values_.size() >= kMostValues) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMostValues, " values, which no dataset has"));
  }
  pickle_.values_.push_back(std::move(value));
  return PushRef(static_cast<PickleRef>(pickle_.values_.size() - 1));
}

absl::Status PickleMachine::PushRef(PickleRef ref) {
  if (stack_.size() >= kMostStack) return absl::ResourceExhaustedError("too much on the stack");
  stack_.push_back(ref);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushDecoded(PickleKind kind, std::string bytes) {
  // An honest pickle decodes each of its bytes once or twice; one text, recalled again and again,
  // would take memory without end.
  decoded_bytes_ += bytes.size();
  if (decoded_bytes_ > 4 * input_.size()) {
    return absl::ResourceExhaustedError("its strings are decoded over and over");
  }
  pickle_.decoded_.push_back(std::move(bytes));
  return Push({.kind = kind, .bytes = pickle_.decoded_.back(), .items = {}, .shape = {}});
}

// What lies below the last mark belongs to a container that is still being collected: Python would
// never take it from there, and a pickle that does is made to confuse.
absl::StatusOr<PickleRef> PickleMachine::Top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return absl::InvalidArgumentError("nothing is on the stack");
  }
  return stack_.back();
}

absl::StatusOr<PickleRef> PickleMachine::Pop() {
  ASSIGN_OR_RETURN(const PickleRef top, Top());
  stack_.pop_back();
  return top;
}

absl::Status PickleMachine::Mark() {
  if (marks_.size() >= kMostStack) return absl::ResourceExhaustedError("too many marks");
  marks_.push_back(stack_.size());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PickleRef>> PickleMachine::PopMarked() {
  if (marks_.empty()) return absl::InvalidArgumentError("no mark is on the stack");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> marked(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return marked;
}

absl::Status PickleMachine::Remember(uint64_t place) {
  ASSIGN_OR_RETURN(const PickleRef top, Top());
  if (memo_.size() >= kMostValues)
    return absl::ResourceExhaustedError("too many remembered values");
  memo_[place] = top;
  return absl::OkStatus();
}

absl::Status PickleMachine::Recall(uint64_t place) {
  const auto found = memo_.find(place);
  if (found == memo_.end()) {
    return absl::InvalidArgumentError(absl::StrCat("value ", place, " was never remembered"));
  }
  return PushRef(found->second);
}

// Ends: every opcode takes at least its own byte of the input, and none jumps back.
absl::Status PickleMachine::RunAll() {
  while (true) {
    ASSIGN_OR_RETURN(const uint64_t opcode, TakeUnsigned(1));
    if (opcode == kStop) return absl::OkStatus();
    RETURN_IF_ERROR(RunOpcode(static_cast<uint8_t>(opcode), this));
  }
}

absl::StatusOr<Pickle> PickleMachine::Run() && {
  absl::Status status = RunAll();
  if (status.ok()) {
    const auto root = Pop();
    if (root.ok()) pickle_.root_ = *root;
    status = root.status();
  }
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("a pickle, before byte ", at_, ": ", status.message()));
  }
  return std::move(pickle_);
}

absl::StatusOr<Pickle> Pickle::Parse(absl::string_view bytes) { return PickleMachine(bytes).Run(); }

const PickleValue* Pickle::Find(const PickleValue& dict, absl::string_view key) const {
  if (dict.kind != PickleKind::kDict) return nullptr;
  // From the end: of a key that is set twice the last value counts.
  for (size_t i = dict.items.size(); i >= 2; i -= 2) {
    const PickleValue& candidate = at(dict.items[i - 2]);
    const bool is_string =
        candidate.kind == PickleKind::kBytes || candidate.kind == PickleKind::kText;
    if (is_string && candidate.bytes == key) return &at(dict.items[i - 1]);
  }
  return nullptr;
}

std::optional<uint64_t> Pickle::PlaceOf(const PickleValue& value) const {
  // As numbers: C++ gives pointers into two different strings no order.
  const auto begin = reinterpret_cast<uintptr_t>(input_.data());
  const auto place = reinterpret_cast<uintptr_t>(value.bytes.data());
  if (place < begin || place + value.bytes.size() > begin + input_.size()) return std::nullopt;
  return place - begin;
}

}  // namespace tributary
