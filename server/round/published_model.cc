#include "server/round/published_model.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/codec/state_decoder.h"

namespace tributary {
namespace {

struct SlicePair {
  EncodedSlice delta;
  EncodedSlice whole;
};

// One slice of the next version, from the values of the last one (which are consumed).
SlicePair NextSlice(const EncodedState::Source& tensor, const EncodedState::Extent& extent,
                    std::vector<float> values, const PublishOptions& options) {
  const float* target = tensor.values.data() + extent.begin;
  std::vector<float> difference(values.size());
  for (size_t i = 0; i < values.size(); ++i) difference[i] = target[i] - values[i];
  SlicePair pair;
  pair.delta = EncodedState::EncodeSlice(
      tensor.spec, extent, difference, nullptr,
      {.codec = *options.delta,
       .sum_codec = options.whole,
       .on_decoded = [&](size_t, size_t offset, absl::Span<const float> decoded) {
         for (size_t i = 0; i < decoded.size(); ++i) {
           values[offset - extent.begin + i] += decoded[i];
         }
       }});
  // What a client that adds the delta to its last version ends with, so both go on from the same.
  RoundTo(CodecOfTensor(tensor.spec, options.whole), absl::MakeSpan(values));
  pair.whole =
      EncodedState::EncodeSlice(tensor.spec, extent, values, nullptr, {.codec = options.whole});
  return pair;
}

// The slices of the next version, cut as those of one chunk of the last one.
std::vector<SlicePair> NextSlices(absl::Span<const EncodedState::Source> tensors,
                                  const absl::Cord& last, const PublishOptions& options) {
  const std::string chunk(last);
  std::vector<EncodedState::Extent> extents;
  std::vector<std::vector<float>> values;
  std::string scratch;
  DecodeChunk(chunk, &scratch, [&](size_t tensor, size_t offset, absl::Span<const float> block) {
    const bool goes_on = !extents.empty() && extents.back().tensor == tensor &&
                         extents.back().end == offset &&
                         values.back().size() + block.size() <= kMostSliceValues;
    if (!goes_on) {
      extents.push_back({tensor, offset, offset});
      values.emplace_back();
    }
    extents.back().end += block.size();
    values.back().insert(values.back().end(), block.begin(), block.end());
  });
  std::vector<SlicePair> slices;
  for (size_t i = 0; i < extents.size(); ++i) {
    slices.push_back(
        NextSlice(tensors[extents[i].tensor], extents[i], std::move(values[i]), options));
  }
  return slices;
}

}  // namespace

PublishedModel Publish(absl::Span<const EncodedState::Source> tensors,
                       const std::shared_ptr<const void>& owner, const EncodedState* last,
                       const PublishOptions& options) {
  if (!options.delta.has_value() || last == nullptr) {
    return {.whole = EncodedState::Encode(
                tensors, owner,
                {.codec = options.whole,
                 .chunk_bytes = options.chunk_bytes,
                 .threads = options.threads,
                 .plain_f32 = options.plain_f32 && !options.delta.has_value()}),
            .delta = nullptr};
  }
  std::vector<std::vector<SlicePair>> pairs(last->chunks().size());
  ParallelFor(options.threads, pairs.size(),
              [&](size_t i) { pairs[i] = NextSlices(tensors, last->chunks()[i], options); });
  std::vector<EncodedSlice> delta, whole;
  for (std::vector<SlicePair>& chunk : pairs) {
    for (SlicePair& pair : chunk) {
      delta.push_back(std::move(pair.delta));
      whole.push_back(std::move(pair.whole));
    }
  }
  PublishedModel published;
  published.whole = EncodedState::Assemble(whole, options.chunk_bytes, {});
  published.delta = EncodedState::Assemble(
      delta, options.chunk_bytes,
      {.version = published.whole->version().version, .base = last->version().version});
  return published;
}

absl::StatusOr<std::shared_ptr<const EncodedState>> ChooseDownload(const PublishedModel& model,
                                                                   const std::string& client,
                                                                   uint64_t held_version,
                                                                   uint32_t first_chunk) {
  const bool fits =
      model.delta != nullptr && held_version != 0 && model.delta->version().base == held_version;
  const std::shared_ptr<const EncodedState>& download = fits ? model.delta : model.whole;
  if (first_chunk > download->chunks().size()) {
    return absl::OutOfRangeError(absl::StrCat("client ", client, " asks for chunk ", first_chunk,
                                              " of ", download->chunks().size()));
  }
  return download;
}

}  // namespace tributary
