// Spool: an upload's chunks as they came, until they are verified and added.
//
// Chunks stay in memory while the spools of a round together are within their budget; later ones go
// to a file in the state folder, which is removed with the spool. A broken transfer resumes at
// size().
//
// Not thread-safe; the budget is.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tributary {

// Bytes that all spools of a round may hold in memory together.
class SpoolBudget {
 public:
  explicit SpoolBudget(int64_t bytes) : left_(bytes) {}
  bool Take(int64_t bytes) {
    if (left_.fetch_sub(bytes) >= bytes) return true;
    left_.fetch_add(bytes);
    return false;
  }
  void Give(int64_t bytes) { left_.fetch_add(bytes); }

 private:
  std::atomic<int64_t> left_;
};

class Spool {
 public:
  // `path`: of the file, made only when the budget is used up. `budget` must outlive the spool.
  Spool(std::string path, SpoolBudget* budget) : path_(std::move(path)), budget_(budget) {}
  ~Spool() { Clear(); }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Appends the next chunk. ResourceExhausted if the disk is full; the spool is then as before.
  absl::Status Append(std::string chunk);
  // Chunk number `index` < size().
  absl::StatusOr<std::string> Read(size_t index) const;
  size_t size() const { return chunks_.size(); }
  uint64_t bytes() const { return bytes_; }
  // Frees everything.
  void Clear();

 private:
  struct Held {
    std::string in_memory;  // empty if it is in the file
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  std::string path_;
  SpoolBudget* budget_;
  std::vector<Held> chunks_;
  uint64_t bytes_ = 0;
  uint64_t file_bytes_ = 0;
  int fd_ = -1;
};

}  // namespace tributary
