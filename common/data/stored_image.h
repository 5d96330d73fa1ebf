// Stored images: what a shard of storage "original" keeps of an image.
//
// A JPEG is kept as published (it begins FF D8 FF). Anything else is kept as its pixels, without
// loss: "TRIBPIX1", height, width, channels as 3 x uint32, little endian, then a zstd frame of
// [height, width, channels] uint8. Either is decoded with no library but libjpeg-turbo and zstd, so
// that clients need none of those that read every format there is (image.h).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/data/pixels.h"

namespace tributary {

// What to keep of a file's bytes `source` whose pixels are `decoded`. An SVG or raw pixels: an
// empty `source`.
std::string StoreImage(absl::string_view source, const Image& decoded);

// The pixels, [height, width, channels] with `channels` 1 or 3. DataLoss if `stored` is damaged,
// cut short, or says that it is larger than 64 megapixels.
absl::StatusOr<Image> LoadStoredImage(absl::Span<const uint8_t> stored, int64_t channels);

}  // namespace tributary
