#include "common/codec/topk.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/codec/kernels.h"

namespace tributary {
namespace {

constexpr size_t kMostGap = 0xffff;

uint32_t Magnitude(float value) { return std::bit_cast<uint32_t>(value) & 0x7fffffff; }

// The magnitude from which on values are sent, and how many of exactly that one there is room for.
struct Threshold {
  uint32_t magnitude;
  size_t ties;
};

Threshold ThresholdOf(absl::Span<const float> values, size_t wanted) {
  std::vector<uint32_t> magnitudes(values.size());
  std::transform(values.begin(), values.end(), magnitudes.begin(), Magnitude);
  const auto last = magnitudes.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  // Linear in time; sorting 2^18 values would dominate the encoder.
  std::nth_element(magnitudes.begin(), last, magnitudes.end(), std::greater<>());
  const uint32_t magnitude = *last;
  const auto above = static_cast<size_t>(
      std::count_if(magnitudes.begin(), last, [&](uint32_t other) { return other > magnitude; }));
  return {magnitude, wanted - above};
}

}  // namespace

std::string EncodeTopK(absl::Span<const float> values) {
  Threshold threshold = ThresholdOf(values, (values.size() + kTopKShare - 1) / kTopKShare);
  std::vector<uint16_t> gaps;
  std::vector<float> kept;
  size_t next = 0;  // the index that a gap of 0 stands for
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t magnitude = Magnitude(values[i]);
    // Of equal magnitudes the earlier ones are sent until there is no more room: the same on every
    // machine.
    if (magnitude < threshold.magnitude || magnitude == 0) continue;
    if (magnitude == threshold.magnitude) {
      if (threshold.ties == 0) continue;
      --threshold.ties;
    }
    for (; i - next > kMostGap; next += kMostGap + 1) {
      gaps.push_back(kMostGap);
      kept.push_back(0);
    }
    gaps.push_back(static_cast<uint16_t>(i - next));
    kept.push_back(values[i]);
    next = i + 1;
  }
  if (gaps.empty()) return "";  // memcpy() takes no null pointers, not even for nothing
  std::string payload(gaps.size() * kTopKEntryBytes, '\0');
  std::memcpy(payload.data(), gaps.data(), 2 * gaps.size());
  std::vector<uint16_t> halves(kept.size());
  FloatsToBrainFloats(kept, halves.data());
  std::memcpy(payload.data() + 2 * gaps.size(), halves.data(), 2 * halves.size());
  return payload;
}

absl::Status DecodeTopK(const CodedItems& items, size_t count, BlockSink sink) {
  absl::string_view bytes = items.bytes;
  std::string joined;
  if (items.planes) {
    joined.resize(bytes.size());
    JoinPlanes2(bytes.data(), bytes.size() / 2, bytes.size() / 2, joined.data());
    bytes = joined;
  }
  TopKReader reader(bytes, count);
  FillBlocks(count, sink,
             [&](size_t begin, absl::Span<float> values) { reader.Fill(begin, values); });
  return reader.status();
}

void TopKReader::Next() {
  if (entry_ == entries_) {
    index_ = count_;  // behind the last value, so that no block includes it
    return;
  }
  uint16_t gap;
  std::memcpy(&gap, payload_.data() + 2 * entry_, sizeof(gap));
  index_ += 1 + uint64_t{gap};  // starts at 2^64 - 1, which the first 1 wraps to 0
}

void TopKReader::Fill(size_t begin, absl::Span<float> values) {
  std::fill(values.begin(), values.end(), 0.0F);
  const size_t end = begin + values.size();
  while (entry_ < entries_ && index_ < end) {
    BrainFloatsToFloats(payload_.data() + 2 * (entries_ + entry_),
                        values.subspan(index_ - begin, 1));
    ++entry_;
    Next();
  }
}

absl::Status TopKReader::status() const {
  if (entry_ == entries_) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("payload puts its entry ", entry_, " at value ",
                                                 index_, " of a slice of ", count_));
}

}  // namespace tributary
