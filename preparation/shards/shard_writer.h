// ShardWriter: writes a shard in one pass, whole or not at all.
//
// Images go to "<path>.part" as they come; rows are collected and follow them. Memory: the rows and
// a megabyte. Without Finish(), or after an error, "<path>.part" stays, and the next writer for the
// path may Resume() behind the images that it holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/data/shard.h"

namespace tributary {

class ShardWriter {
 public:
  // `info`: rows and images are counted by the writer. Errors are kept and returned by Finish().
  ShardWriter(std::string path, ShardInfo info);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  // Takes over the images of `sizes` bytes, in this order, from what "<path>.part" holds; stops
  // before the first that is not all there or that `is_right` refuses. Returns how many were taken.
  // Requires that nothing was added yet.
  size_t Resume(absl::Span<const uint64_t> sizes,
                absl::FunctionRef<bool(size_t, absl::Span<const uint8_t>)> is_right);

  // Appends an image: pixels of info's size, or an original of any. Returns its number.
  int64_t AddImage(absl::Span<const uint8_t> image);
  // Appends a row. `image`: from AddImage() or Resume(), ignored in text shards. `label`: ignored
  // in pair shards.
  void AddRow(int64_t image, int32_t label, absl::string_view text);

  // Of what was added so far; an error is final.
  const absl::Status& status() const { return status_; }
  // Writes the rows and puts the shard into its place. Call once. The bytes may not be on the disk
  // yet: call SyncFile() (common/base/file.h) where they must survive a power failure.
  absl::Status Finish();

 private:
  struct Column;

  void Append(absl::string_view bytes);
  void Flush();
  void WriteAt(uint64_t offset, absl::string_view bytes);
  std::string part() const { return path_ + ".part"; }

  const std::string path_;
  ShardInfo info_;
  int fd_;
  absl::Status status_;
  uint64_t written_;    // bytes of the file before buffer_
  std::string buffer_;  // begins at a block's begin
  std::vector<uint64_t> sums_, image_ends_;
  std::string texts_;
  std::vector<uint32_t> image_of_row_;
  std::vector<int32_t> labels_;
  std::vector<uint64_t> text_ends_;
};

}  // namespace tributary
