// PublishedModel: the model of one dataset as the clients of a round download it.
//
// Whole, in f32 or 16 bits; and, for clients that hold what was published the round before, as a
// delta from that in a smaller codec. Both decode to the same bits, so a run does not depend on who
// downloads which:
//
//   P(r) = round16(P(r-1) + decode(encode(W(r) - P(r-1))))      with deltas
//   P(r) = round16(W(r))                                        without, and at the start
//
// The next delta makes up for what a lossy codec takes from this one, since it is taken from P, not
// from W.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/codec/encoded_state.h"

namespace tributary {

struct PublishedModel {
  std::shared_ptr<const EncodedState> whole;
  std::shared_ptr<const EncodedState> delta;  // null where there is none
};

struct PublishOptions {
  Codec whole = Codec::kF16;
  std::optional<Codec> delta;
  int64_t chunk_bytes = 1 << 20;
  bool plain_f32 = false;
  int threads = 1;
};

// Publishes `tensors`. `owner` owns their values; where there are no deltas and f32 is sent plain,
// the result refers to them, so they must not change while it lives. `last`: the whole model of the
// round before; null if there is none.
PublishedModel Publish(absl::Span<const EncodedState::Source> tensors,
                       const std::shared_ptr<const void>& owner, const EncodedState* last,
                       const PublishOptions& options);

// What of `model` is sent to `client`, which holds `held_version` (0: nothing) and has chunks up to
// `first_chunk`: differences where they fit, else the whole. Both decode to the same bits, so it
// makes no difference to the run. OutOfRange if there are fewer chunks.
absl::StatusOr<std::shared_ptr<const EncodedState>> ChooseDownload(const PublishedModel& model,
                                                                   const std::string& client,
                                                                   uint64_t held_version,
                                                                   uint32_t first_chunk);

}  // namespace tributary
