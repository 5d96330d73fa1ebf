// The payload of codec topk: k gaps of 16 bits, then k values in bf16, all little endian.
//
// Entry j stands at index(j) = index(j - 1) + 1 + gap(j), index(-1) = -1; all other values are 0.
// Two entries further apart than a gap can say are bridged by entries of value 0. 16-bit gaps with
// bridges take less than 32-bit places: one value in 16 is sent, so that most gaps are below 100.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/block_sink.h"

namespace tributary {

inline constexpr size_t kTopKEntryBytes = 4;
// One of how many values is sent.
inline constexpr size_t kTopKShare = 16;

// At most: every value has an entry.
constexpr size_t TopKBytes(size_t count) { return count * kTopKEntryBytes; }
// The largest ceil(size / kTopKShare) of `values` in magnitude; of equal ones the earlier. Zeros
// are not sent, so that there may be fewer.
std::string EncodeTopK(absl::Span<const float> values);
// InvalidArgument if an entry lies outside the slice.
absl::Status DecodeTopK(const CodedItems& items, size_t count, BlockSink sink);

// Walks a payload from front to back.
class TopKReader {
 public:
  // `payload`: a multiple of kTopKEntryBytes; must outlive the reader. `count`: values of the
  // slice.
  TopKReader(absl::string_view payload, size_t count)
      : payload_(payload), entries_(payload.size() / kTopKEntryBytes), count_(count) {
    Next();
  }

  // Fills the values from `begin` on. Calls must follow each other without a gap.
  void Fill(size_t begin, absl::Span<float> values);

  // InvalidArgument if an entry lies outside the slice.
  absl::Status status() const;

 private:
  void Next();

  const absl::string_view payload_;
  const size_t entries_;
  const size_t count_;
  size_t entry_ = 0;               // entries before this one were read
  uint64_t index_ = ~uint64_t{0};  // of the entry to come; -1 before the first
};

}  // namespace tributary
