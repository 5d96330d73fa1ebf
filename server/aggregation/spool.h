// Spool: an upload's chunks as they came, until they are added.
//
// Chunks stay in memory while the spools of a round together are within their budget; the others
// spill to a file in the state folder, which is removed with the spool. An upload that reserves its
// memory before it begins spills only what exceeds the most that one upload may reserve. A broken
// transfer resumes at size().
//
// Not thread-safe, except that Read() and Free() of different chunks may run side by side; the
// budget is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace tributary {

// Memory for the uploads of a round, from the bytes of its largest upload: one upload, at least
// 48 MiB, so that several small ones fit. Of what a large one has beyond 96 MiB a quarter spills to
// a file: otherwise sums (two models), globals, upload and connections exceed four models.
int64_t SpoolBytes(int64_t largest_upload);

// The memory budget that all spools of a round share, and a pool of chunk buffers. The pool is
// there because malloc's arenas, one per thread, keep freed chunks for themselves: several times
// the budget. Thread-safe.
class SpoolBudget {
 public:
  // `most_reserved`: the most that one spool may reserve.
  explicit SpoolBudget(int64_t bytes, int64_t most_reserved = std::numeric_limits<int64_t>::max())
      : most_(bytes), most_reserved_(most_reserved), left_(bytes) {}
  int64_t bytes() const { return most_; }
  int64_t most_reserved() const { return most_reserved_; }
  bool Take(int64_t bytes) {
    if (left_.fetch_sub(bytes) >= bytes) return true;
    left_.fetch_add(bytes);
    return false;
  }
  void Give(int64_t bytes) { left_.fetch_add(bytes); }

  // A chunk is in memory from now on, and no longer. Counts what the pool has to leave room for.
  void Hold(uint64_t bytes) { held_ += static_cast<int64_t>(bytes); }
  void Release(uint64_t bytes) { held_ -= static_cast<int64_t>(bytes); }

  // An empty string, with the capacity of one that was put back if there is one.
  std::string TakeBuffer();
  // Keeps the buffer of `used` for TakeBuffer(), unless chunks in memory and kept buffers together
  // would exceed the budget; then it is freed.
  void PutBuffer(std::string used);

 private:
  const int64_t most_;
  const int64_t most_reserved_;
  std::atomic<int64_t> left_;
  std::atomic<int64_t> held_ = 0;
  absl::Mutex mutex_;
  std::vector<std::string> spare_ ABSL_GUARDED_BY(mutex_);
  int64_t spare_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class Spool {
 public:
  // `path`: of the file, made only when the budget is used up. `budget` must outlive the spool.
  Spool(std::string path, SpoolBudget* budget) : path_(std::move(path)), budget_(budget) {}
  ~Spool() { Clear(); }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Reserves memory for `bytes` more, or for the most that one spool may reserve; what is reserved
  // already counts. False, with nothing changed, if the budget does not have it.
  bool Reserve(uint64_t bytes);
  // Appends the next chunk. ResourceExhausted if the disk is full; the spool is then as before.
  absl::Status Append(std::string chunk);
  // Chunk number `index` < size(), which was not freed. The result may refer to `buffer`, and is
  // valid until the buffer changes or the chunk is freed.
  absl::StatusOr<absl::string_view> Read(size_t index, std::string* buffer) const;
  // The same chunk if it lies in memory.
  std::optional<absl::string_view> InMemory(size_t index) const;
  // Frees the memory of one chunk.
  void Free(size_t index);
  size_t size() const { return chunks_.size(); }
  uint64_t reserved() const { return reserved_; }
  uint64_t bytes() const { return bytes_; }
  // Frees everything.
  void Clear();

 private:
  struct Held {
    std::unique_ptr<std::string> in_memory;  // null if it is in the file, or was freed
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  std::string path_;
  SpoolBudget* budget_;
  std::vector<Held> chunks_;
  uint64_t reserved_ = 0;  // of the budget, not used yet
  uint64_t bytes_ = 0;
  uint64_t file_bytes_ = 0;
  int fd_ = -1;
};

}  // namespace tributary
