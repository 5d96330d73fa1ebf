// Shards: the prepared data of one client, or of a test set, in one memory-mapped file.
//
// Layout (all numbers little endian); docs/shards.md explains it with a reader in Python:
//
//   "TRIBSHD2"                     8 bytes
//   where the index begins, its length, its XXH3-64: 3 x uint64, then zeros up to byte 64
//   columns                        from byte 64, each aligned to 64 bytes, zeros between
//     images                       pixels: [images, height, width, channels] uint8;
//                                  original: as published, one after the other (stored_image.h)
//     image_ends                   original: [images] uint64, where each ends in its column
//     image_of_row                 [rows] uint32: several rows (captions) may share an image
//     labels                       [rows] int32; absent in pair shards
//     text_ends                    [rows] uint64: where each row's text ends; it begins where the
//     texts                        one before ended; UTF-8
//   block checksums                XXH3-64 of each 64 KiB of columns, as one array of uint64
//   index                          JSON: what ShardInfo holds, and the columns' places
//
// Images come first and the index last, so that a shard of any size is written in one pass
// (shard_writer.h). Opening reads the index alone. Verify() reads everything once; a flipped byte
// is found there.
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

// How a shard keeps images.
enum class ImageStorage {
  kPixels,    // at training resolution: nothing is left to do but to normalise
  kOriginal,  // as published, decoded and resized whenever it is read: smaller
};

// What a shard says of itself.
struct ShardInfo {
  std::string dataset;
  Modality modality = Modality::kPair;
  std::string part;  // "train" or "test"
  int64_t rows = 0;  // samples; for pairs: captions
  int64_t images = 0;
  ImageStorage storage = ImageStorage::kPixels;
  int64_t image_size = 0;              // side at training resolution, whatever is stored
  int64_t channels = 0;                // of a training image: 1 or 3
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

  const std::string& path() const { return path_; }
  const ShardInfo& info() const { return info_; }
  // XXH3-64 of the block checksums and header, in hex: identifies the content.
  const std::string& digest() const { return digest_; }

  // Checks every block and every index, on all cores. DataLoss names the file and the block.
  absl::Status Verify() const;

  // The image of row `row`: [height, width, channels] pixels, or an original's bytes. Empty in text
  // shards.
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
  absl::Status ReadIndex();
  absl::Status CheckColumns() const;
  absl::Status VerifyBlocks() const;
  absl::Status VerifyRows() const;
  absl::Status Damaged(absl::string_view what) const;
  template <typename T>
  T At(const Column& column, int64_t index) const;

  const std::string path_;
  const char* const data_;
  const size_t size_;
  ShardInfo info_;
  std::string digest_;
  uint64_t checksums_begin_ = 0, index_begin_ = 0;
  Column images_, image_ends_, image_of_row_, labels_, text_ends_, texts_;
};

}  // namespace tributary
