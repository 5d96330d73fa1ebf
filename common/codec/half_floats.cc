#include "common/codec/half_floats.h"

#include <array>
#include <cstdint>
#include <vector>

#include "common/codec/kernels.h"

namespace tributary {
namespace {

// The kernels are template arguments, so that the two formats share their loops without a pointer
// being followed in them.
using ToHalves = void (*)(absl::Span<const float> values, uint16_t* halves);
using ToFloats = void (*)(const char* halves, absl::Span<float> values);

template <ToHalves to_halves>
std::string Encode(absl::Span<const float> values) {
  std::string payload(HalfFloatsBytes(values.size()), '\0');
  to_halves(values, reinterpret_cast<uint16_t*>(payload.data()));
  return payload;
}

template <ToFloats to_floats>
absl::Status Decode(const CodedItems& items, size_t count, BlockSink sink) {
  const char* bytes = items.bytes.data();
  alignas(64) std::array<char, 2 * kDecodeBlock> joined;
  FillBlocks(count, sink, [&](size_t begin, absl::Span<float> values) {
    const char* from = bytes + 2 * begin;
    if (items.planes) {
      JoinPlanes2(bytes + begin, count, values.size(), joined.data());
      from = joined.data();
    }
    to_floats(from, values);
  });
  return absl::OkStatus();
}

template <ToHalves to_halves, ToFloats to_floats>
void Round(absl::Span<float> values) {
  std::vector<uint16_t> halves(values.size());
  to_halves(values, halves.data());
  to_floats(reinterpret_cast<const char*>(halves.data()), values);
}

}  // namespace

std::string EncodeF16(absl::Span<const float> values) { return Encode<FloatsToHalves>(values); }

std::string EncodeBf16(absl::Span<const float> values) {
  return Encode<FloatsToBrainFloats>(values);
}

absl::Status DecodeF16(const CodedItems& items, size_t count, BlockSink sink) {
  return Decode<HalvesToFloats>(items, count, sink);
}

absl::Status DecodeBf16(const CodedItems& items, size_t count, BlockSink sink) {
  return Decode<BrainFloatsToFloats>(items, count, sink);
}

void RoundToF16(absl::Span<float> values) { Round<FloatsToHalves, HalvesToFloats>(values); }

void RoundToBf16(absl::Span<float> values) {
  Round<FloatsToBrainFloats, BrainFloatsToFloats>(values);
}

}  // namespace tributary
