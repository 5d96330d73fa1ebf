// Decodes the chunks of a transfer in order, and refuses what does not fit the manifest.
//
// A peer is not trusted: chunk numbers, slice extents (every value of the manifest exactly once, in
// order), payload sizes, checksums and values are all checked. After an error the reader is where
// it was before the offending chunk, so that the chunk can be sent again.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/chunk_frame.h"
#include "common/codec/codec.h"
#include "common/tensor/manifest.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// `values` of tensor number `tensor`, from its value `offset` on. Valid during the call.
using ValuesSink =
    absl::FunctionRef<void(size_t tensor, size_t offset, absl::Span<const float> values)>;

// ChunkReader: checks chunks and hands their values to a sink, block by block. It keeps none.
class ChunkReader {
 public:
  // `manifest` must outlive the reader. `largest`: the largest magnitude that is accepted.
  explicit ChunkReader(const Manifest* manifest, float largest = std::numeric_limits<float>::max())
      : manifest_(manifest), largest_(largest) {
    SkipEmptyTensors();
  }

  // Checks the next chunk and hands its values to `sink`. InvalidArgument, DataLoss (a checksum) or
  // OutOfRange (a value) name the chunk, the tensor and what was expected. The sink may have got
  // values of a chunk that is refused in the end; when the chunk is repeated, they come again at
  // the same places. FailedPrecondition: the chunk is of other versions than those before it.
  absl::Status Read(absl::string_view serialized_chunk, ValuesSink sink);

  // The reader's position, to which GoBackTo() returns.
  struct Position {
    uint32_t next_chunk = 0;
    uint32_t chunk_count = 0;  // as the first chunk says
    ValuesVersion version;     // as the first chunk says
    size_t tensor = 0;         // where the next slice must begin
    uint64_t offset = 0;
  };
  const Position& position() const { return position_; }
  // `position` was this reader's before.
  void GoBackTo(const Position& position) { position_ = position; }

  uint32_t next_chunk() const { return position_.next_chunk; }
  // Of the chunks so far.
  const ValuesVersion& version() const { return position_.version; }
  // Of the last slice that was handed to the sink or is being.
  Codec sum_codec() const { return sum_codec_; }
  // Whether every value of the manifest has arrived.
  bool complete() const {
    return position_.tensor == manifest_->tensors.size() &&
           position_.next_chunk == position_.chunk_count;
  }

 private:
  absl::Status CheckHead(const ChunkHead& head) const;
  absl::Status ReadSlices(absl::string_view serialized_chunk, ValuesSink sink);
  absl::Status ReadSlice(const SliceHead& head, absl::string_view payload, ValuesSink sink);
  absl::Status CheckExtent(const SliceHead& head) const;
  absl::Status CheckValues(uint64_t offset, absl::Span<const float> values) const;
  void SkipEmptyTensors();

  const Manifest* manifest_;
  float largest_;
  Position position_;
  Codec sum_codec_ = Codec::kF32;
  std::string scratch_;
};

// Hands the values of a chunk that a ChunkReader has accepted to `sink` once more.
void DecodeChunk(absl::string_view serialized_chunk, std::string* scratch, ValuesSink sink);

// StateDecoder: collects a transfer's values. Differences are added to the values of their base.
class StateDecoder {
 public:
  // `base`: null, or the values of version `base_version`; must outlive the decoder.
  explicit StateDecoder(Manifest manifest, const StateDict* base = nullptr,
                        uint64_t base_version = 0);
  StateDecoder(const StateDecoder&) = delete;
  StateDecoder& operator=(const StateDecoder&) = delete;

  // As ChunkReader::Read(). FailedPrecondition also for differences from values that are not held.
  absl::Status Add(absl::string_view serialized_chunk);
  uint32_t next_chunk() const { return reader_.next_chunk(); }
  bool complete() const { return reader_.complete(); }
  // The version of the values once all chunks are there; 0 if the sender gave none.
  uint64_t version() const { return reader_.version().version; }

  // Requires complete().
  StateDict Take() && { return std::move(state_); }

 private:
  const Manifest manifest_;
  const StateDict* const base_;
  const uint64_t base_version_;
  ChunkReader reader_;
  StateDict state_;
};

}  // namespace tributary
