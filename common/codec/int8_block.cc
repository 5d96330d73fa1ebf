#include "common/codec/int8_block.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "common/codec/kernels.h"

namespace tributary {

static_assert(kDecodeBlock % kInt8BlockValues == 0, "no block is split between two of a decoder");

std::string EncodeInt8Block(absl::Span<const float> values) {
  std::string payload(Int8BlockBytes(values.size()), '\0');
  char* out = payload.data();
  for (size_t begin = 0; begin < values.size(); begin += kInt8BlockValues) {
    const absl::Span<const float> block = values.subspan(begin, kInt8BlockValues);
    // 127 and not 128: codes are symmetric, so that the code of -x is minus that of x.
    const float scale = std::bit_cast<float>(LargestMagnitudeBits(block)) / 127;
    std::memcpy(out, &scale, sizeof(scale));
    Quantise(block, InverseScale(scale), 127, reinterpret_cast<int8_t*>(out + sizeof(scale)));
    out += sizeof(scale) + block.size();
  }
  return payload;
}

absl::Status DecodeInt8Block(const CodedItems& items, size_t count, BlockSink sink) {
  const char* bytes = items.bytes.data();
  FillBlocks(count, sink, [&](size_t, absl::Span<float> values) {
    for (size_t i = 0; i < values.size(); i += kInt8BlockValues) {
      const absl::Span<float> block = values.subspan(i, kInt8BlockValues);
      float scale;
      std::memcpy(&scale, bytes, sizeof(scale));
      Scale(reinterpret_cast<const int8_t*>(bytes + sizeof(scale)), scale, block);
      bytes += sizeof(scale) + block.size();
    }
  });
  return absl::OkStatus();
}

}  // namespace tributary
