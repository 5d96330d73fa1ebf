// From an image's place in a dataset to the bytes that a shard keeps of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/data/shard.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/shards/image_decoding.h"

namespace tributary {

struct RenderedImage {
  std::vector<uint8_t> stored;
  // Of the image as published, not decoded.
  uint64_t source_bytes = 0;
  uint64_t source_checksum = 0;  // XXH3-64
  ImageTraits traits{};
};

// Image number `image` of `set`, for a shard of `storage`: pixels of [size, size, set.channels], or
// the original. Also an original is decoded once, so that no shard holds one that cannot be.
// `decoding`: of image files. DataLoss names what is wrong with it, not where it is
// (DescribeImage() does).
absl::StatusOr<RenderedImage> RenderImage(const SampleSet& set, int64_t image, ImageStorage storage,
                                          int64_t size, const ImageDecoding& decoding = {});

// "folder/name.jpg", for raw pixels "folder/train.bin, byte 3074".
std::string DescribeImage(const SampleSet& set, int64_t image);

}  // namespace tributary
