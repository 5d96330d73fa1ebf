// Upload: one client's update while it arrives. Each chunk is verified when it comes, then spooled;
// a complete upload was verified whole.
//
// Thread-safe: of two streams of the same client, the one with the later ticket goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/codec/state_decoder.h"
#include "common/tensor/manifest.h"
#include "common/tensor/state_dict.h"
#include "server/aggregation/spool.h"

namespace tributary {

// The most bytes that an honest upload of `elements` values in `tensors` tensors takes, in the
// largest codec, f32: the values, and the messages around them.
uint64_t MostUploadBytes(uint64_t elements, uint64_t tensors);

// What an honest upload of a manifest takes at most.
struct UploadBounds {
  uint64_t bytes = 0;
  uint64_t chunks = 0;
};
UploadBounds BoundsOf(const Manifest& manifest);

class Upload {
 public:
  // `manifest` must outlive the upload. Its first `added` tensors will be added to sums; the others
  // are representations, which are also decoded and kept beside the chunks. `most_bytes`: of all
  // chunks together.
  Upload(const Manifest* manifest, size_t added, uint64_t most_bytes, std::unique_ptr<Spool> spool);

  // From now on only the stream that shows `ticket` may append. Returns how many chunks are held.
  uint32_t Claim(int ticket);
  // Reserves memory for all bytes that may still come (Spool::Reserve()), once; false if there is
  // none now.
  bool Reserve();
  // Whether Reserve() has returned true.
  bool reserved() const;
  uint64_t most_bytes() const { return most_bytes_; }
  // Verifies and spools the next chunk. InvalidArgument, DataLoss or OutOfRange name what is wrong
  // with it; FailedPrecondition: it is of another update than the chunks before it, and the upload
  // must begin anew; Aborted: another stream has claimed the upload; others: our disk.
  absl::Status Append(int ticket, std::string chunk);

  uint32_t chunks() const;
  uint64_t bytes() const;

  // OK if every value of the manifest has come.
  absl::Status CheckComplete() const;
  // Requires that nobody appends any more.
  const Spool& spool() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return *spool_; }
  // Frees a chunk that has been added; calls for different chunks may run side by side.
  void Free(size_t chunk) ABSL_NO_THREAD_SAFETY_ANALYSIS { spool_->Free(chunk); }
  StateDict TakeRepresentations();

 private:
  const size_t added_;
  const uint64_t most_bytes_;
  mutable absl::Mutex mutex_;
  std::unique_ptr<Spool> spool_ ABSL_GUARDED_BY(mutex_);
  ChunkReader reader_ ABSL_GUARDED_BY(mutex_);
  StateDict representations_ ABSL_GUARDED_BY(mutex_);
  int ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reserved_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary
