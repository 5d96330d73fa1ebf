#include "common/codec/codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/codec/kernels.h"
#include "common/codec/topk.h"

namespace tributary {
namespace {

constexpr size_t kInt8Values = 256, kInt4Values = 64;
constexpr int kZstdLevel = 1;  // level 3 gains 2 % at a third of the speed
static_assert(kDecodeBlock % kInt8Values == 0 && kDecodeBlock % kInt4Values == 0);
static_assert(std::endian::native == std::endian::little, "values travel as they lie in memory");

struct CodecRow {
  Codec codec;
  absl::string_view name;
  v1::Codec proto;
  size_t plane_width;  // of the interleaved items that byte planes take apart
};
constexpr CodecRow kTable[] = {
    {Codec::kF32, "f32", v1::CODEC_F32, 4},
    {Codec::kF16, "f16", v1::CODEC_F16, 2},
    {Codec::kBf16, "bf16", v1::CODEC_BF16, 2},
    {Codec::kInt8Block, "int8-block", v1::CODEC_INT8_BLOCK, 1},
    {Codec::kInt4Block, "int4-block", v1::CODEC_INT4_BLOCK, 1},
    {Codec::kTopK, "topk", v1::CODEC_TOPK, 2},
};

const CodecRow& RowOf(Codec codec) { return kTable[static_cast<size_t>(codec)]; }

size_t Blocks(size_t count, size_t block) { return (count + block - 1) / block; }

std::string EncodeInt8(absl::Span<const float> values) {
  std::string payload(CodedBytes(Codec::kInt8Block, values.size()), '\0');
  char* out = payload.data();
  for (size_t begin = 0; begin < values.size(); begin += kInt8Values) {
    const absl::Span<const float> block = values.subspan(begin, kInt8Values);
    const float scale = std::bit_cast<float>(LargestMagnitudeBits(block)) / 127;
    // The inverse of a subnormal scale overflows; such values are nothing beside any other.
    const float inverse = scale > 0 && std::isfinite(1 / scale) ? 1 / scale : 0;
    std::memcpy(out, &scale, sizeof(scale));
    Quantise(block, inverse, 127, reinterpret_cast<int8_t*>(out + sizeof(scale)));
    out += sizeof(scale) + block.size();
  }
  return payload;
}

// The smallest bf16 number that is not below `value`, as a float.
float BrainFloatAbove(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0xffff) & 0xffff0000);
}

std::string EncodeInt4(absl::Span<const float> values) {
  std::string payload(CodedBytes(Codec::kInt4Block, values.size()), '\0');
  char* scales = payload.data();
  auto* codes = reinterpret_cast<uint8_t*>(scales + 2 * Blocks(values.size(), kInt4Values));
  std::array<int8_t, kInt4Values> block_codes;
  for (size_t begin = 0; begin < values.size(); begin += kInt4Values) {
    const absl::Span<const float> block = values.subspan(begin, kInt4Values);
    const float scale = BrainFloatAbove(std::bit_cast<float>(LargestMagnitudeBits(block)) / 7);
    const float inverse = scale > 0 && std::isfinite(1 / scale) ? 1 / scale : 0;
    const auto half = static_cast<uint16_t>(std::bit_cast<uint32_t>(scale) >> 16);
    std::memcpy(scales, &half, sizeof(half));
    scales += sizeof(half);
    Quantise(block, inverse, 7, block_codes.data());
    PackNibbles(block_codes.data(), block.size(), codes + begin / 2);
  }
  return payload;
}

std::string Coded(Codec codec, absl::Span<const float> values) {
  switch (codec) {
    case Codec::kInt8Block:
      return EncodeInt8(values);
    case Codec::kInt4Block:
      return EncodeInt4(values);
    case Codec::kTopK:
      return EncodeTopK(values);
    default:
      break;
  }
  std::string payload(CodedBytes(codec, values.size()), '\0');
  auto* halves = reinterpret_cast<uint16_t*>(payload.data());
  if (codec == Codec::kF16) {
    FloatsToHalves(values, halves);
  } else if (codec == Codec::kBf16) {
    FloatsToBrainFloats(values, halves);
  } else {
    std::memcpy(payload.data(), values.data(), payload.size());
  }
  return payload;
}

// Unpacks to at most `most` bytes, whatever the payload's own header claims.
absl::Status Unpack(absl::string_view payload, size_t most, std::string* bytes) {
  bytes->resize(most);
  const size_t got = ZSTD_decompress(bytes->data(), most, payload.data(), payload.size());
  if (ZSTD_isError(got)) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload does not unpack to ", most, " bytes: ", ZSTD_getErrorName(got)));
  }
  bytes->resize(got);
  return absl::OkStatus();
}

// Calls fill(begin, values) for each block of `count` values, then the sink with them.
template <typename Fill>
void ForBlocks(size_t count, BlockSink sink, Fill fill) {
  alignas(64) std::array<float, kDecodeBlock> block;
  for (size_t begin = 0; begin < count; begin += kDecodeBlock) {
    const absl::Span<float> values =
        absl::MakeSpan(block).first(std::min(kDecodeBlock, count - begin));
    fill(begin, values);
    sink(begin, values);
  }
}

// Fixed-width values, in a row or in planes.
void DecodeWide(Codec codec, bool planes, const char* bytes, size_t count, BlockSink sink) {
  const size_t width = RowOf(codec).plane_width;
  if (const auto plain = PlainValues(codec, planes, {bytes, width * count}); plain.has_value()) {
    for (size_t begin = 0; begin < count; begin += kDecodeBlock) {
      sink(begin, plain->subspan(begin, kDecodeBlock));
    }
    return;
  }
  alignas(64) std::array<char, 2 * kDecodeBlock> items;
  ForBlocks(count, sink, [&](size_t begin, absl::Span<float> values) {
    if (codec == Codec::kF32) {
      auto* to = reinterpret_cast<char*>(values.data());
      if (planes) return JoinPlanes4(bytes + begin, count, values.size(), to);
      std::memcpy(to, bytes + 4 * begin, 4 * values.size());
      return;
    }
    const char* from = bytes + width * begin;
    if (planes) {
      JoinPlanes2(bytes + begin, count, values.size(), items.data());
      from = items.data();
    }
    if (codec == Codec::kF16) return HalvesToFloats(from, values);
    BrainFloatsToFloats(from, values);
  });
}

void DecodeInt8(const char* bytes, size_t count, BlockSink sink) {
  ForBlocks(count, sink, [&](size_t, absl::Span<float> values) {
    for (size_t i = 0; i < values.size(); i += kInt8Values) {
      const absl::Span<float> block = values.subspan(i, kInt8Values);
      float scale;
      std::memcpy(&scale, bytes, sizeof(scale));
      Scale(reinterpret_cast<const int8_t*>(bytes + sizeof(scale)), scale, block);
      bytes += sizeof(scale) + block.size();
    }
  });
}

absl::Status DecodeInt4(const char* bytes, size_t count, BlockSink sink) {
  const char* scales = bytes;
  const auto* codes = reinterpret_cast<const uint8_t*>(bytes + 2 * Blocks(count, kInt4Values));
  bool well_formed = true;
  ForBlocks(count, sink, [&](size_t begin, absl::Span<float> values) {
    for (size_t i = 0; i < values.size(); i += kInt4Values) {
      float scale;
      BrainFloatsToFloats(scales, absl::MakeSpan(&scale, 1));
      scales += 2;
      well_formed &= ScaleNibbles(codes + (begin + i) / 2, scale, values.subspan(i, kInt4Values));
    }
  });
  if (well_formed) return absl::OkStatus();
  return absl::InvalidArgumentError("payload has the code 0, which int4-block does not use");
}

absl::Status DecodeTopK(absl::string_view bytes, bool planes, size_t count, std::string* scratch,
                        BlockSink sink) {
  std::string items;
  if (planes) {
    items.resize(bytes.size());
    JoinPlanes2(bytes.data(), bytes.size() / 2, bytes.size() / 2, items.data());
    scratch->swap(items);
    bytes = *scratch;
  }
  TopKReader reader(bytes, count);
  ForBlocks(count, sink,
            [&](size_t begin, absl::Span<float> values) { reader.Fill(begin, values); });
  return reader.status();
}

}  // namespace

absl::string_view CodecName(Codec codec) { return RowOf(codec).name; }

v1::Codec CodecToProto(Codec codec) { return RowOf(codec).proto; }

absl::StatusOr<Codec> CodecFromProto(v1::Codec codec) {
  for (const CodecRow& row : kTable) {
    if (row.proto == codec) return row.codec;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "codec ", static_cast<int>(codec),
      " is unknown; this build knows f32, f16, bf16, int8-block, int4-block and topk"));
}

bool UsesErrorFeedback(Codec codec) {
  return codec == Codec::kInt8Block || codec == Codec::kInt4Block || codec == Codec::kTopK;
}

size_t CodedBytes(Codec codec, size_t count) {
  switch (codec) {
    case Codec::kInt8Block:
      return count + Blocks(count, kInt8Values) * sizeof(float);
    case Codec::kInt4Block:
      return (count + 1) / 2 + Blocks(count, kInt4Values) * sizeof(uint16_t);
    case Codec::kTopK:
      return count * kTopKEntryBytes;
    default:
      return count * RowOf(codec).plane_width;
  }
}

CodedPayload EncodeValues(Codec codec, absl::Span<const float> values) {
  std::string payload = Coded(codec, values);
  const size_t width = RowOf(codec).plane_width;
  std::string planes;
  if (width > 1) {
    planes.resize(payload.size());
    (width == 2 ? SplitPlanes2 : SplitPlanes4)(payload.data(), payload.size() / width,
                                               planes.data());
  }
  const std::string& packable = width > 1 ? planes : payload;
  std::string packed(ZSTD_compressBound(packable.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), packable.data(), packable.size(), kZstdLevel);
  // Unpacking costs the receiver time: a gain of less than 1/32 is not worth it.
  if (ZSTD_isError(size) || size + payload.size() / 32 >= payload.size()) {
    return {.bytes = std::move(payload), .compressed = false};
  }
  packed.resize(size);
  packed.shrink_to_fit();
  return {.bytes = std::move(packed), .compressed = true};
}

std::optional<absl::Span<const float>> PlainValues(Codec codec, bool compressed,
                                                   absl::string_view payload) {
  const bool aligned = reinterpret_cast<uintptr_t>(payload.data()) % alignof(float) == 0;
  if (codec != Codec::kF32 || compressed || !aligned) return std::nullopt;
  return absl::MakeConstSpan(reinterpret_cast<const float*>(payload.data()),
                             payload.size() / sizeof(float));
}

absl::Status DecodeValues(Codec codec, bool compressed, absl::string_view payload, size_t count,
                          std::string* scratch, BlockSink sink) {
  const size_t size = CodedBytes(codec, count);
  if (compressed) {
    RETURN_IF_ERROR(Unpack(payload, size, scratch));
    payload = *scratch;
  }
  const bool fits = codec == Codec::kTopK
                        ? payload.size() <= size && payload.size() % kTopKEntryBytes == 0
                        : payload.size() == size;
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload has ", payload.size(), " bytes", compressed ? " when unpacked" : "",
                     ", expected ", codec == Codec::kTopK ? "a multiple of 4 up to " : "", size,
                     " for ", count, " values in ", CodecName(codec)));
  }
  switch (codec) {
    case Codec::kInt8Block:
      DecodeInt8(payload.data(), count, sink);
      return absl::OkStatus();
    case Codec::kInt4Block:
      return DecodeInt4(payload.data(), count, sink);
    case Codec::kTopK:
      return DecodeTopK(payload, compressed, count, scratch, sink);
    default:
      DecodeWide(codec, compressed, payload.data(), count, sink);
      return absl::OkStatus();
  }
}

void RoundTo(Codec codec, absl::Span<float> values) {
  if (codec != Codec::kF16 && codec != Codec::kBf16) return;
  std::vector<uint16_t> halves(values.size());
  const auto* bytes = reinterpret_cast<const char*>(halves.data());
  if (codec == Codec::kF16) {
    FloatsToHalves(values, halves.data());
    HalvesToFloats(bytes, values);
  } else {
    FloatsToBrainFloats(values, halves.data());
    BrainFloatsToFloats(bytes, values);
  }
}

}  // namespace tributary
