// PublishedModel: the model of one dataset as the clients of a round download it.
//
// Whole, in f32 or 16 bits; and, for clients that hold what was published the round before, as the
// difference from that in a smaller codec. Both end in the same bits, so it makes no difference to
// a run who gets which:
//
//   P(r) = round16(P(r-1) + decode(encode(W(r) - P(r-1))))      with differences
//   P(r) = round16(W(r))                                        without, and at the start
//
// What a difference loses is in the next one, since that is taken from P and not from W.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/types/span.h"
#include "common/codec/encoded_state.h"

namespace tributary {

struct PublishedModel {
  std::shared_ptr<const EncodedState> whole;
  std::shared_ptr<const EncodedState> delta;  // null where there is none
};

struct PublishSetting {
  Codec whole = Codec::kF16;
  std::optional<Codec> delta;
  int64_t chunk_bytes = 1 << 20;
  bool plain_f32 = false;
  int threads = 1;
};

// Publishes `tensors`; `owner` keeps their values, which must not change while the result lives if
// there are no differences and f32 is sent plain. `last`: the whole of the round before; null if
// there is none.
PublishedModel Publish(absl::Span<const EncodedState::Source> tensors,
                       const std::shared_ptr<const void>& owner, const EncodedState* last,
                       const PublishSetting& setting);

}  // namespace tributary
