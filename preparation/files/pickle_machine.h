// The stack machine that a pickle is a program of; Pickle::Parse() is the way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/files/pickle.h"

namespace tributary {

class PickleMachine {
 public:
  explicit PickleMachine(absl::string_view input);

  absl::StatusOr<Pickle> Run() &&;

  // What opcodes are made of (pickle_opcodes.cc). An error leaves the machine useless.

  // From the program.
  absl::StatusOr<absl::string_view> Take(uint64_t size);
  absl::StatusOr<uint64_t> TakeUnsigned(size_t width);  // little-endian, 1 to 8 bytes
  absl::StatusOr<absl::string_view> TakeLine();         // without its newline

  // To and from the stack. Pop() and PopMarked() never reach below the last mark.
  absl::Status Push(PickleValue value);
  absl::Status PushRef(PickleRef ref);
  absl::Status PushDecoded(PickleKind kind, std::string bytes);
  absl::StatusOr<PickleRef> Pop();
  absl::StatusOr<PickleRef> Top() const;
  absl::Status Mark();
  absl::StatusOr<std::vector<PickleRef>> PopMarked();

  absl::Status Remember(uint64_t place);
  absl::Status RememberNext() { return Remember(memo_.size()); }
  absl::Status Recall(uint64_t place);

  PickleValue& value(PickleRef ref) { return pickle_.values_[ref]; }

  // A function or class that is understood; others are refused by name (pickle_calls.cc).
  absl::Status PushGlobal(absl::string_view module, absl::string_view name);
  // Calls a function that is understood: function and arguments from the stack.
  absl::Status Reduce();
  // Gives an object its state, both from the stack.
  absl::Status Build();

 private:
  absl::Status RunAll();

  Pickle pickle_;
  absl::string_view input_;
  size_t at_ = 0;  // in input_
  size_t decoded_bytes_ = 0;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;  // heights of stack_
  std::unordered_map<uint64_t, PickleRef> memo_;
};

// Runs one opcode other than STOP. InvalidArgument for one that is not understood.
absl::Status RunOpcode(uint8_t opcode, PickleMachine* machine);

}  // namespace tributary
