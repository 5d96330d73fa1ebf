#include "server/aggregation/plain_update.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/codec/chunk_frame.h"
#include "common/codec/codec.h"
#include "server/aggregation/fixed_point.h"

namespace tributary {

std::optional<PlainUpdate> PlainUpdate::Of(std::shared_ptr<const Upload> upload, size_t tensors) {
  PlainUpdate update;
  update.slices_.resize(tensors);
  const Spool& spool = upload->spool();
  for (size_t i = 0; i < spool.size(); ++i) {
    const std::optional<absl::string_view> chunk = spool.InMemory(i);
    if (!chunk.has_value()) return std::nullopt;
    const absl::Status plain =
        ForEachSlice(*chunk, [&](const SliceHead& head, absl::string_view payload) -> absl::Status {
          if (head.tensor >= tensors) return absl::OkStatus();
          ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(head.codec));
          const auto values = PlainValues(codec, head.compressed, payload);
          if (!values.has_value()) return absl::UnimplementedError("to be decoded");
          update.slices_[head.tensor].push_back({head.offset, *values});
          return absl::OkStatus();
        });
    if (!plain.ok()) return std::nullopt;
  }
  update.upload_ = std::move(upload);
  return update;
}

void PlainUpdate::AddTo(size_t tensor, size_t offset, double weight,
                        absl::Span<int64_t> sums) const {
  const std::vector<Slice>& slices = slices_[tensor];
  // The last slice that begins at or before `offset`; one begins at 0, so there is one.
  auto slice = std::upper_bound(slices.begin(), slices.end(), offset,
                                [](size_t at, const Slice& other) { return at < other.offset; });
  for (--slice; !sums.empty(); ++slice) {
    const absl::Span<const float> values = slice->values.subspan(offset - slice->offset);
    const size_t count = std::min(values.size(), sums.size());
    AddFixedPoint(values.first(count), weight * kFixedPointOne, sums.first(count));
    sums.remove_prefix(count);
    offset += count;
  }
}

}  // namespace tributary
