// EncodedState: a StateDict as the chunks that travel, built once and shared by every stream.
//
// Slices of all tensors, in manifest order, are packed into chunks of about `chunk_bytes`: small
// tensors share a chunk, large ones are split at kMostSliceValues. Tensors of one dimension (norms,
// biases, gates) stay f32 whatever the codec: they are few and delicate.
//
// Immutable, hence thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/codec/codec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

class EncodedState {
 public:
  // `chunk_bytes`: what a chunk holds at least, if there is as much. `threads`: at least 1.
  static std::shared_ptr<const EncodedState> Encode(const StateDict& state, Codec codec,
                                                    int64_t chunk_bytes, int threads);

  // From a file that Save() wrote. DataLoss if it is cut short or changed.
  static absl::StatusOr<std::shared_ptr<const EncodedState>> Load(const std::string& path);
  // Whole or not at all.
  absl::Status Save(const std::string& path) const;

  // Serialized v1::Chunk messages, in order; at least one.
  const std::vector<std::string>& chunks() const { return chunks_; }
  // Of all chunks together.
  uint64_t bytes() const { return bytes_; }

 private:
  explicit EncodedState(std::vector<std::string> chunks);

  std::vector<std::string> chunks_;
  uint64_t bytes_ = 0;
};

}  // namespace tributary
