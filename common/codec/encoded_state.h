// EncodedState: tensors encoded as chunks, built once and shared by every stream that sends them.
//
// Slices of all tensors, in manifest order, fill chunks of about `chunk_bytes`: small tensors share
// a chunk, large ones are split where a chunk is full. CodecOfTensor() chooses the codec of each
// tensor. Chunks are cords, so that plain f32 payloads refer to the values and are never copied.
//
// Immutable, hence thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "common/codec/chunk_frame.h"
#include "common/codec/codec.h"
#include "common/tensor/manifest.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// The codec of one tensor of a transfer in `codec`. Norms and gates stay f32: they are few, and
// training is sensitive to them. Other tensors of one dimension (biases) are sent in f32 where
// `codec` has 16 bits, in int8-block where it is smaller; representations ("public.*") in f16 at
// least. Control variates ("control.*") are gradients, which may be smaller than f16 can hold:
// where `codec` is f16 they are sent in bf16.
Codec CodecOfTensor(const TensorSpec& spec, Codec codec);

class EncodedState {
 public:
  // A tensor by reference.
  struct Source {
    TensorSpec spec;
    absl::Span<const float> values;
  };
  // A run of values of a tensor.
  struct Extent {
    size_t tensor;
    size_t begin;
    size_t end;
  };
  struct Options {
    Codec codec = Codec::kF32;
    int64_t chunk_bytes = 1 << 20;
    int threads = 1;
    bool plain_f32 = false;  // f32 values are not packed but sent by reference
    // A version of 0 is computed from the slices.
    ValuesVersion version = {};
    Codec sum_codec = Codec::kF32;
    // Called for each block, from any of the threads, with the values that a receiver will decode.
    std::function<void(size_t tensor, size_t offset, absl::Span<const float>)> on_decoded = {};
  };

  // `owner` keeps the tensors' values, which must not change while the result lives, if
  // options.plain_f32 is set; otherwise they are not referred to afterwards.
  static std::shared_ptr<const EncodedState> Encode(absl::Span<const Source> tensors,
                                                    std::shared_ptr<const void> owner,
                                                    const Options& options);
  static std::shared_ptr<const EncodedState> Encode(const StateDict& state, Codec codec,
                                                    int64_t chunk_bytes, int threads);
  static std::vector<Source> SourcesOf(const StateDict& state);

  // How Encode() cuts tensors into slices: at the same places in all codecs.
  static std::vector<Extent> ExtentsOf(const Manifest& manifest, int64_t chunk_bytes);

  // A run of values of a tensor as a slice. `owner`, `options`: as above.
  static EncodedSlice EncodeSlice(const TensorSpec& spec, const Extent& extent,
                                  absl::Span<const float> values,
                                  const std::shared_ptr<const void>& owner, const Options& options);
  // Slices of all tensors, in order, as chunks. Computes the version where it is 0.
  static std::shared_ptr<const EncodedState> Assemble(absl::Span<const EncodedSlice> slices,
                                                      int64_t chunk_bytes, ValuesVersion version);

  // From a file that Save() wrote. DataLoss if it is cut short or changed.
  static absl::StatusOr<std::shared_ptr<const EncodedState>> Load(const std::string& path);
  // Whole or not at all. `checksum`, if not null, is set to the file's. `recycled`: see
  // AtomicFile.
  absl::Status Save(const std::string& path, uint64_t* checksum = nullptr,
                    const std::string& recycled = "") const;

  // Serialized v1::Chunk messages, in order; at least one.
  const std::vector<absl::Cord>& chunks() const { return chunks_; }
  // Of all chunks together.
  uint64_t bytes() const { return bytes_; }
  const ValuesVersion& version() const { return version_; }

 private:
  EncodedState(std::vector<absl::Cord> chunks, const ValuesVersion& version);

  std::vector<absl::Cord> chunks_;
  ValuesVersion version_;
  uint64_t bytes_ = 0;
};

}  // namespace tributary
