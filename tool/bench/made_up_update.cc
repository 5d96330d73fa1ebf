#include "tool/bench/made_up_update.h"

#include <algorithm>
#include <utility>

#include "common/base/random.h"

namespace tributary {
namespace {

// Each variant is a run of the same random values that begins kShift later. A prime shift keeps the
// variants from lining up with the blocks of codecs.
constexpr size_t kVariants = 16;
constexpr size_t kShift = 4099;

std::shared_ptr<const std::vector<float>> Draw(uint64_t seed) {
  RandomStream stream(seed, "made-up update");
  auto values = std::make_shared<std::vector<float>>(kMostSliceValues + kVariants * kShift);
  for (float& value : *values) value = static_cast<float>(1e-3 * stream.Normal());
  return values;
}

}  // namespace

UpdateMaker::UpdateMaker(uint64_t seed) : values_(Draw(seed)) {}

const EncodedSlice& UpdateMaker::SliceOf(Codec codec, bool plain_f32, uint32_t count,
                                         size_t variant) {
  const auto [found, fresh] = slices_.try_emplace({codec, plain_f32, count, variant});
  if (fresh) {
    // A shape of two dimensions keeps EncodeSlice() from choosing another codec: Make() has chosen.
    found->second =
        EncodedState::EncodeSlice({"", {1, count}}, {0, 0, count},
                                  absl::MakeConstSpan(*values_).subspan(variant * kShift, count),
                                  values_, {.codec = codec, .plain_f32 = plain_f32});
  }
  return found->second;
}

std::shared_ptr<const EncodedState> UpdateMaker::Make(const Manifest& manifest, Codec codec,
                                                      bool plain_f32, int64_t chunk_bytes,
                                                      uint64_t number) {
  std::vector<EncodedSlice> slices;
  absl::MutexLock lock(&mutex_);
  for (const EncodedState::Extent& extent : EncodedState::ExtentsOf(manifest, chunk_bytes)) {
    const TensorSpec& spec = manifest.tensors[extent.tensor];
    // 7 and kVariants have no common factor: successive updates go through all variants.
    const size_t variant = (number * 7 + extent.tensor + extent.begin / 1024) % kVariants;
    EncodedSlice slice = SliceOf(CodecOfTensor(spec, codec), plain_f32,
                                 static_cast<uint32_t>(extent.end - extent.begin), variant);
    slice.head.tensor = static_cast<uint32_t>(extent.tensor);
    slice.head.offset = extent.begin;
    slices.push_back(std::move(slice));
  }
  return EncodedState::Assemble(slices, chunk_bytes, {});
}

}  // namespace tributary
