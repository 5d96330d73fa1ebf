#include "common/codec/state_decoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/kernels.h"

namespace tributary {

void ChunkReader::SkipEmptyTensors() {
  while (position_.tensor < manifest_->tensors.size() &&
         position_.offset ==
             static_cast<uint64_t>(ElementCount(manifest_->tensors[position_.tensor].shape))) {
    ++position_.tensor;
    position_.offset = 0;
  }
}

absl::Status ChunkReader::CheckHead(const ChunkHead& head) const {
  const bool first = position_.next_chunk == 0;
  const uint32_t count = first ? head.count : position_.chunk_count;
  if (!first && head.version != position_.version) {
    return absl::FailedPreconditionError(
        absl::StrCat("chunk ", head.index, " is of values ", absl::Hex(head.version.version),
                     ", the chunks before it of ", absl::Hex(position_.version.version),
                     ": begin again with chunk 0"));
  }
  if (head.index != position_.next_chunk || head.count != count || head.index >= count) {
    return absl::InvalidArgumentError(absl::StrCat("chunk ", head.index, " of ", head.count,
                                                   ", expected chunk ", position_.next_chunk,
                                                   " of ", count));
  }
  return absl::OkStatus();
}

absl::Status ChunkReader::CheckExtent(const SliceHead& head) const {
  if (position_.tensor == manifest_->tensors.size()) {
    return absl::InvalidArgumentError("there are slices after the manifest's last value");
  }
  if (head.tensor != position_.tensor || head.offset != position_.offset) {
    return absl::InvalidArgumentError(absl::StrCat("slice begins at tensor ", head.tensor,
                                                   ", value ", head.offset, "; expected tensor ",
                                                   position_.tensor, ", value ", position_.offset));
  }
  const uint64_t left =
      static_cast<uint64_t>(ElementCount(manifest_->tensors[position_.tensor].shape)) -
      position_.offset;
  const uint64_t most = std::min<uint64_t>(left, kMostSliceValues);
  if (head.count == 0 || head.count > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("slice has ", head.count, " values, expected 1 to ", most));
  }
  return absl::OkStatus();
}

absl::Status ChunkReader::CheckValues(uint64_t offset, absl::Span<const float> values) const {
  // One pass of integers over the block finds whether any value is bad: as bits, infinity and NaN
  // are greater than every number. Only then the place is looked for.
  if (LargestMagnitudeBits(values) <= std::bit_cast<uint32_t>(largest_)) return absl::OkStatus();
  const auto bad = std::find_if(values.begin(), values.end(),
                                [this](float value) { return !(std::abs(value) <= largest_); });
  const auto place = offset + static_cast<uint64_t>(bad - values.begin());
  if (!std::isfinite(*bad)) {
    return absl::OutOfRangeError(
        absl::StrCat("value ", place, " is ", *bad, ", expected a finite number"));
  }
  return absl::OutOfRangeError(
      absl::StrCat("value ", place, " is ", *bad, ", expected a magnitude of at most ", largest_));
}

absl::Status ChunkReader::ReadSlice(const SliceHead& head, absl::string_view payload,
                                    ValuesSink sink) {
  RETURN_IF_ERROR(CheckExtent(head));
  ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(head.codec));
  if (Checksum(payload) != head.checksum) {
    return absl::DataLossError("payload does not have the checksum that came with it");
  }
  sum_codec_ = Codec::kF32;
  if (head.sum_codec != v1::CODEC_UNSPECIFIED) {
    ASSIGN_OR_RETURN(sum_codec_, CodecFromProto(head.sum_codec));
    if (!MayCarryModel(RowOf(sum_codec_))) {
      return absl::InvalidArgumentError(absl::StrCat("sums cannot be rounded to codec ",
                                                     CodecName(sum_codec_), ", expected ",
                                                     ListOfCodecs(MayCarryModel, "or")));
    }
  }
  absl::Status range;
  RETURN_IF_ERROR(DecodeValues(codec, head.compressed, payload, head.count, &scratch_,
                               [&](size_t offset, absl::Span<const float> values) {
                                 // A sink cannot stop the decoder: later blocks are dropped.
                                 if (!range.ok()) return;
                                 range = CheckValues(head.offset + offset, values);
                                 if (range.ok()) sink(head.tensor, head.offset + offset, values);
                               }));
  RETURN_IF_ERROR(range);
  position_.offset += head.count;
  SkipEmptyTensors();
  return absl::OkStatus();
}

absl::Status ChunkReader::ReadSlices(absl::string_view serialized_chunk, ValuesSink sink) {
  RETURN_IF_ERROR(ForEachSlice(
      serialized_chunk, [&](const SliceHead& head, absl::string_view payload) -> absl::Status {
        const bool known = position_.tensor < manifest_->tensors.size();
        const absl::Status status = ReadSlice(head, payload, sink);
        if (status.ok() || !known) return status;
        return Annotate(status, absl::StrCat("tensor ", manifest_->tensors[position_.tensor].name));
      }));
  const bool last = position_.next_chunk + 1 == position_.chunk_count;
  if (last && position_.tensor != manifest_->tensors.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the last chunk has come, but tensor ",
                                                   manifest_->tensors[position_.tensor].name,
                                                   " is not complete"));
  }
  return absl::OkStatus();
}

absl::Status ChunkReader::Read(absl::string_view serialized_chunk, ValuesSink sink) {
  const absl::StatusOr<ChunkHead> head = ReadChunkHead(serialized_chunk);
  const std::string where = absl::StrCat("chunk ", position_.next_chunk);
  if (!head.ok()) return Annotate(head.status(), where);
  RETURN_IF_ERROR(CheckHead(*head));
  // Set before the slices are read, which ask whether this is the last chunk.
  const Position before = position_;
  position_.chunk_count = head->count;
  position_.version = head->version;
  if (absl::Status status = ReadSlices(serialized_chunk, sink); !status.ok()) {
    position_ = before;
    return Annotate(status, where);
  }
  ++position_.next_chunk;
  return absl::OkStatus();
}

void DecodeChunk(absl::string_view serialized_chunk, std::string* scratch, ValuesSink sink) {
  // Nothing can fail: a ChunkReader has accepted these bytes.
  ForEachSlice(serialized_chunk,
               [&](const SliceHead& head, absl::string_view payload) -> absl::Status {
                 ASSIGN_OR_RETURN(const Codec codec, CodecFromProto(head.codec));
                 return DecodeValues(codec, head.compressed, payload, head.count, scratch,
                                     [&](size_t offset, absl::Span<const float> values) {
                                       sink(head.tensor, head.offset + offset, values);
                                     });
               })
      .IgnoreError();
}

StateDecoder::StateDecoder(Manifest manifest, const StateDict* base, uint64_t base_version)
    : manifest_(std::move(manifest)),
      base_(base),
      base_version_(base == nullptr ? 0 : base_version),
      reader_(&manifest_) {
  for (const TensorSpec& spec : manifest_.tensors) {
    // Manifests are built from parameter tables, where names are unique.
    state_.Add(spec.name, Tensor::Zeros(spec.shape)).IgnoreError();
  }
}

absl::Status StateDecoder::Add(absl::string_view serialized_chunk) {
  ASSIGN_OR_RETURN(const ChunkHead head, ReadChunkHead(serialized_chunk));
  const uint64_t base = head.version.base;
  if (base != 0 && (base != base_version_ || base_ == nullptr)) {
    return absl::FailedPreconditionError(
        absl::StrCat("chunk ", head.index, " holds differences from values ", absl::Hex(base),
                     ", which are not held here: begin again with chunk 0"));
  }
  const ChunkReader::Position before = reader_.position();
  bool finite = true;
  RETURN_IF_ERROR(reader_.Read(
      serialized_chunk, [&](size_t tensor, size_t offset, absl::Span<const float> values) {
        const absl::Span<float> to =
            absl::MakeSpan(state_[tensor].tensor.values).subspan(offset, values.size());
        std::copy(values.begin(), values.end(), to.begin());
        if (base == 0) return;
        const float* from = (*base_)[tensor].tensor.values.data() + offset;
        // In float32, in this order, rounded once: every client must come to the same bits.
        for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
        RoundTo(reader_.sum_codec(), to);
        finite &= LargestMagnitudeBits(to) <= kLargestFiniteBits;
      }));
  if (finite) return absl::OkStatus();
  reader_.GoBackTo(before);
  return absl::OutOfRangeError(
      absl::StrCat("chunk ", head.index,
                   ": a difference and the value it belongs to add up to more than a float"
                   " holds"));
}

}  // namespace tributary
