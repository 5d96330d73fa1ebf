// Shards: the prepared data of one client, or of a test set, in one memory-mapped file.
//
// Layout (all numbers little endian):
//
//   "TRIBSHD1"                     8 bytes
//   header length H, its XXH3-64   8 + 8 bytes
//   header                         H bytes of JSON: what ShardInfo holds, and the columns' places
//   columns                        each aligned to 64 bytes
//     images                       [images, height, width, channels] uint8
//     image_of_row                 [rows] uint32: several rows (captions) may share an image
//     labels                       [rows] int32; absent in pair shards
//     text_ends                    [rows] uint64: where each row's text ends; it begins where the
//     one before ended texts                        UTF-8
//   block checksums                XXH3-64 of each 64 KiB of columns, as one array of uint64
//
// Opening reads the header alone. Verify() reads everything once; a flipped byte is found there.
//
// Readers are immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/model/model_spec.h"

namespace tributary {

// What a shard says of itself.
struct ShardInfo {
  std::string dataset;
  Modality modality = Modality::kPair;
  std::string part;  // "train" or "test"
  int64_t rows = 0;  // samples; for pairs: captions
  int64_t images = 0;
  int64_t image_size = 0;
  int64_t channels = 0;
  std::vector<std::string> classes;    // names, by label; empty for pairs
  std::vector<float> mean, deviation;  // of the images' normalisation, by channel
};

class Shard {
 public:
  // NotFound, or DataLoss that names the file and says to prepare it again.
  static absl::StatusOr<std::shared_ptr<const Shard>> Open(const std::string& path);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  const ShardInfo& info() const { return info_; }
  // XXH3-64 of the block checksums and header, in hex: identifies the content.
  const std::string& digest() const { return digest_; }

  // Checks every block and every index. DataLoss names the file and the block.
  absl::Status Verify() const;

  // The image of row `row`, [height, width, channels]. Empty in text shards.
  absl::Span<const uint8_t> Image(int64_t row) const;
  int64_t ImageOfRow(int64_t row) const;
  // Image number `image` < info().images.
  absl::Span<const uint8_t> ImageAt(int64_t image) const;
  // Empty in image shards.
  absl::string_view Text(int64_t row) const;
  // -1 in pair shards.
  int32_t Label(int64_t row) const;

 private:
  struct Column {
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  Shard(std::string path, void* data, size_t size)
      : path_(std::move(path)), data_(static_cast<const char*>(data)), size_(size) {}
  absl::Status ReadHeader();
  absl::Status CheckColumns() const;
  absl::Status Damaged(absl::string_view what) const;
  template <typename T>
  T At(const Column& column, int64_t index) const;

  const std::string path_;
  const char* const data_;
  const size_t size_;
  ShardInfo info_;
  std::string digest_;
  uint64_t columns_begin_ = 0, checksums_begin_ = 0;
  Column images_, image_of_row_, labels_, text_ends_, texts_;
};

// Collects the rows of a shard and writes it, whole or not at all.
class ShardWriter {
 public:
  // `info`: rows and images are counted by the writer.
  explicit ShardWriter(ShardInfo info) : info_(std::move(info)) {}

  // Appends an image of info's size; returns its number.
  int64_t AddImage(absl::Span<const uint8_t> image);
  // Appends a row. `image`: from AddImage(), ignored in text shards. `label`: ignored in pair
  // shards.
  void AddRow(int64_t image, int32_t label, absl::string_view text);

  absl::Status Write(const std::string& path) const;

 private:
  ShardInfo info_;
  std::string images_, texts_;
  std::vector<uint32_t> image_of_row_;
  std::vector<int32_t> labels_;
  std::vector<uint64_t> text_ends_;
};

}  // namespace tributary
