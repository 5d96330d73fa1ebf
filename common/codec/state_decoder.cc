#include "common/codec/state_decoder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {

void ChunkReader::SkipEmptyTensors() {
  while (tensor_ < manifest_->tensors.size() &&
         offset_ == static_cast<uint64_t>(ElementCount(manifest_->tensors[tensor_].shape))) {
    ++tensor_;
    offset_ = 0;
  }
}

absl::Status ChunkReader::CheckSlice(const v1::TensorSlice& slice, size_t tensor,
                                     uint64_t offset) const {
  if (tensor == manifest_->tensors.size()) {
    return absl::InvalidArgumentError("there are slices after the manifest's last value");
  }
  if (slice.tensor() != tensor || slice.offset() != offset) {
    return absl::InvalidArgumentError(absl::StrCat("slice begins at tensor ", slice.tensor(),
                                                   ", value ", slice.offset(), "; expected tensor ",
                                                   tensor, ", value ", offset));
  }
  const uint64_t left =
      static_cast<uint64_t>(ElementCount(manifest_->tensors[tensor].shape)) - offset;
  const uint64_t most = std::min<uint64_t>(left, kMostSliceValues);
  if (slice.count() == 0 || slice.count() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("slice has ", slice.count(), " values, expected 1 to ", most));
  }
  return absl::OkStatus();
}

absl::Status ChunkReader::Read(absl::string_view serialized_chunk, const Sink& sink) {
  v1::Chunk chunk;
  if (!chunk.ParseFromArray(serialized_chunk.data(), static_cast<int>(serialized_chunk.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk ", next_chunk_, ": its bytes are not a Chunk message"));
  }
  const uint32_t count = next_chunk_ == 0 ? chunk.count() : chunk_count_;
  if (chunk.index() != next_chunk_ || chunk.count() != count || chunk.index() >= count) {
    return absl::InvalidArgumentError(absl::StrCat("chunk ", chunk.index(), " of ", chunk.count(),
                                                   ", expected chunk ", next_chunk_, " of ",
                                                   count));
  }
  const ChunkReader before = *this;
  std::vector<std::vector<float>> decoded;
  for (const v1::TensorSlice& slice : chunk.slices()) {
    absl::Status status = CheckSlice(slice, tensor_, offset_);
    if (status.ok()) {
      decoded.emplace_back(slice.count());
      status = DecodeSlice(slice, absl::MakeSpan(decoded.back()));
    }
    if (!status.ok()) {
      const bool known = tensor_ < manifest_->tensors.size();
      const std::string where = absl::StrCat("chunk ", chunk.index(), known ? ", tensor " : "",
                                             known ? manifest_->tensors[tensor_].name : "");
      *this = before;
      return Annotate(status, where);
    }
    offset_ += slice.count();
    SkipEmptyTensors();
  }
  if (chunk.index() + 1 == count && tensor_ != manifest_->tensors.size()) {
    const std::string missing = manifest_->tensors[tensor_].name;
    *this = before;
    return absl::InvalidArgumentError(
        absl::StrCat("the last chunk has come, but tensor ", missing, " is not complete"));
  }
  for (int i = 0; i < chunk.slices_size(); ++i) {
    sink(chunk.slices(i).tensor(), chunk.slices(i).offset(), decoded[static_cast<size_t>(i)]);
  }
  chunk_count_ = count;
  ++next_chunk_;
  return absl::OkStatus();
}

StateDecoder::StateDecoder(Manifest manifest)
    : manifest_(std::move(manifest)), reader_(&manifest_) {
  for (const TensorSpec& spec : manifest_.tensors) {
    // Manifests are built from parameter tables, where names are unique.
    state_.Add(spec.name, Tensor::Zeros(spec.shape)).IgnoreError();
  }
}

absl::Status StateDecoder::Add(absl::string_view serialized_chunk) {
  return reader_.Read(
      serialized_chunk, [this](size_t tensor, size_t offset, absl::Span<const float> values) {
        std::copy(values.begin(), values.end(),
                  state_[tensor].tensor.values.begin() + static_cast<int64_t>(offset));
      });
}

}  // namespace tributary
