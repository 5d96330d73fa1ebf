// An image as a shard of originals holds it: first the channels asked for, in one byte (even: 1,
// odd: 3), then its bytes.
#include "common/data/stored_image.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size == 0) return 0;
  const int64_t channels = data[0] % 2 == 0 ? 1 : 3;
  const absl::StatusOr<Image> image = LoadStoredImage({data + 1, size - 1}, channels);
  if (!image.ok()) {
    FUZZ_CHECK(absl::IsDataLoss(image.status()));
    return 0;
  }
  FUZZ_CHECK(image->channels == channels);
  FUZZ_CHECK(image->height > 0 && image->width > 0 && image->height * image->width <= kMostPixels);
  FUZZ_CHECK(image->pixels.size() == static_cast<size_t>(image->height * image->width * channels));
  // There and back.
  const std::string stored = StoreImage("", *image);
  const absl::StatusOr<Image> again =
      LoadStoredImage({reinterpret_cast<const uint8_t*>(stored.data()), stored.size()}, channels);
  FUZZ_CHECK(again.ok() && again->pixels == image->pixels);
  return 0;
}
