// Updates that cost almost nothing to make: their slices share a few runs of random values.
//
// A client's updates differ from those of others and from round to round, and take next to no
// memory whatever the size of the model, so that many large clients fit on one machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/manifest.h"

namespace tributary {

// Thread-safe.
class UpdateMaker {
 public:
  // `seed`: another one for each process, so that processes push different updates.
  explicit UpdateMaker(uint64_t seed);

  // The update number `number` for `manifest`.
  std::shared_ptr<const EncodedState> Make(const Manifest& manifest, Codec codec, bool plain_f32,
                                           int64_t chunk_bytes, uint64_t number);

 private:
  const EncodedSlice& SliceOf(Codec codec, bool plain_f32, uint32_t count, size_t variant)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<const std::vector<float>> values_;
  absl::Mutex mutex_;
  std::map<std::tuple<Codec, bool, uint32_t, size_t>, EncodedSlice> slices_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
