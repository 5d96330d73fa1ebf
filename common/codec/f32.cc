#include "common/codec/f32.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "common/codec/kernels.h"

namespace tributary {

static_assert(std::endian::native == std::endian::little, "values travel as they lie in memory");

std::string EncodeF32(absl::Span<const float> values) {
  std::string payload(F32Bytes(values.size()), '\0');
  std::memcpy(payload.data(), values.data(), payload.size());
  return payload;
}

std::optional<absl::Span<const float>> F32ValuesAt(absl::string_view bytes) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) != 0) return std::nullopt;
  return absl::MakeConstSpan(reinterpret_cast<const float*>(bytes.data()),
                             bytes.size() / sizeof(float));
}

absl::Status DecodeF32(const CodedItems& items, size_t count, BlockSink sink) {
  if (!items.planes) {
    if (const auto values = F32ValuesAt(items.bytes); values.has_value()) {
      for (size_t begin = 0; begin < count; begin += kDecodeBlock) {
        sink(begin, values->subspan(begin, kDecodeBlock));
      }
      return absl::OkStatus();
    }
  }
  const char* bytes = items.bytes.data();
  FillBlocks(count, sink, [&](size_t begin, absl::Span<float> values) {
    auto* to = reinterpret_cast<char*>(values.data());
    if (items.planes) {
      JoinPlanes4(bytes + begin, count, values.size(), to);
    } else {
      std::memcpy(to, bytes + 4 * begin, 4 * values.size());
    }
  });
  return absl::OkStatus();
}

}  // namespace tributary
