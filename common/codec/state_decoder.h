// StateDecoder: takes the chunks of a transfer in order and ends with a StateDict, or with the
// reason why not.
//
// Nothing that a peer sends is believed: chunk numbers, slice extents (every value of the manifest
// exactly once, in order), payload sizes, checksums and values are all checked against the
// manifest. After an error the decoder is as it was before the offending chunk.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/codec.h"
#include "common/tensor/manifest.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// The checks alone: hands each decoded slice to a sink and keeps no values.
class ChunkReader {
 public:
  // `values` of tensor number `tensor`, from its value `offset` on. Valid during the call.
  using Sink = std::function<void(size_t tensor, size_t offset, absl::Span<const float> values)>;

  explicit ChunkReader(const Manifest* manifest) : manifest_(manifest) { SkipEmptyTensors(); }

  // Checks the next chunk and hands its slices to `sink`, which is not called for a chunk that is
  // refused. Errors name the chunk, the tensor and what was expected.
  absl::Status Read(absl::string_view serialized_chunk, const Sink& sink);

  uint32_t next_chunk() const { return next_chunk_; }
  // Whether every value of the manifest has arrived.
  bool complete() const {
    return tensor_ == manifest_->tensors.size() && next_chunk_ == chunk_count_;
  }

 private:
  absl::Status CheckSlice(const v1::TensorSlice& slice, size_t tensor, uint64_t offset) const;
  void SkipEmptyTensors();

  const Manifest* manifest_;
  uint32_t next_chunk_ = 0;
  uint32_t chunk_count_ = 0;  // as the first chunk says
  size_t tensor_ = 0;         // where the next slice must begin
  uint64_t offset_ = 0;
};

class StateDecoder {
 public:
  explicit StateDecoder(Manifest manifest);
  StateDecoder(const StateDecoder&) = delete;
  StateDecoder& operator=(const StateDecoder&) = delete;

  absl::Status Add(absl::string_view serialized_chunk);
  uint32_t next_chunk() const { return reader_.next_chunk(); }
  bool complete() const { return reader_.complete(); }

  // Requires complete().
  StateDict Take() && { return std::move(state_); }

 private:
  const Manifest manifest_;
  ChunkReader reader_;
  StateDict state_;
};

}  // namespace tributary
