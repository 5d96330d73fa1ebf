#include "common/codec/int4_block.h"

#include <array>
#include <bit>
#include <cstring>

#include "common/codec/kernels.h"

namespace tributary {
namespace {

static_assert(kDecodeBlock % kInt4BlockValues == 0, "no block is split between two of a decoder");

// The smallest bf16 number that is not below `value`, as a float.
float BrainFloatAbove(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0xffff) & 0xffff0000);
}

}  // namespace

std::string EncodeInt4Block(absl::Span<const float> values) {
  std::string payload(Int4BlockBytes(values.size()), '\0');
  char* scales = payload.data();
  auto* codes = reinterpret_cast<uint8_t*>(scales + 2 * BlocksOf(values.size(), kInt4BlockValues));
  std::array<int8_t, kInt4BlockValues> block_codes;
  for (size_t begin = 0; begin < values.size(); begin += kInt4BlockValues) {
    const absl::Span<const float> block = values.subspan(begin, kInt4BlockValues);
    const float scale = BrainFloatAbove(std::bit_cast<float>(LargestMagnitudeBits(block)) / 7);
    const auto half = static_cast<uint16_t>(std::bit_cast<uint32_t>(scale) >> 16);
    std::memcpy(scales, &half, sizeof(half));
    scales += sizeof(half);
    Quantise(block, InverseScale(scale), 7, block_codes.data());
    PackNibbles(block_codes.data(), block.size(), codes + begin / 2);
  }
  return payload;
}

absl::Status DecodeInt4Block(const CodedItems& items, size_t count, BlockSink sink) {
  const char* scales = items.bytes.data();
  const auto* codes =
      reinterpret_cast<const uint8_t*>(scales + 2 * BlocksOf(count, kInt4BlockValues));
  bool well_formed = true;
  FillBlocks(count, sink, [&](size_t begin, absl::Span<float> values) {
    for (size_t i = 0; i < values.size(); i += kInt4BlockValues) {
      float scale;
      BrainFloatsToFloats(scales, absl::MakeSpan(&scale, 1));
      scales += 2;
      well_formed &=
          ScaleNibbles(codes + (begin + i) / 2, scale, values.subspan(i, kInt4BlockValues));
    }
  });
  if (well_formed) return absl::OkStatus();
  return absl::InvalidArgumentError("payload has the code 0, which int4-block does not use");
}

}  // namespace tributary
