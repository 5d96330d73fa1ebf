// Decodes and changes images for image_decoding_test.py. Reads lines
//
//   FILE CHANNELS HEIGHT WIDTH ANGLE
//
// and writes, beside each file as FILE.out, the pixels of the image as a shard of originals gives
// them: decoded, brought to so many channels, resized (0 0: not at all), turned by ANGLE degrees
// (0: not at all; only squares). Prints the sides, or why there is no image.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/status_macros.h"
#include "common/data/stored_image.h"
#include "common/data/transforms.h"
#include "preparation/shards/image.h"

namespace tributary {
namespace {

struct Wish {
  std::string file;
  int64_t channels = 0, height = 0, width = 0;
  double angle = 0;
};

absl::StatusOr<Image> Make(const Wish& wish) {
  std::ifstream file(wish.file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  ASSIGN_OR_RETURN(const Image decoded, DecodeImage(bytes));
  const std::string stored = StoreImage(bytes, decoded);
  ASSIGN_OR_RETURN(Image image,
                   LoadStoredImage({reinterpret_cast<const uint8_t*>(stored.data()), stored.size()},
                                   wish.channels));
  if (wish.height > 0) image = Resize(image, wish.height, wish.width);
  if (wish.angle != 0) {
    ApplyChange({.rotation = wish.angle}, image.width, image.channels,
                absl::MakeSpan(image.pixels));
  }
  return image;
}

}  // namespace
}  // namespace tributary

int main() {
  for (tributary::Wish wish;
       std::cin >> wish.file >> wish.channels >> wish.height >> wish.width >> wish.angle;) {
    const auto image = tributary::Make(wish);
    if (!image.ok()) {
      std::cout << image.status().ToString() << "\n";
      continue;
    }
    std::ofstream(wish.file + ".out", std::ios::binary)
        .write(reinterpret_cast<const char*>(image->pixels.data()),
               static_cast<std::streamsize>(image->pixels.size()));
    std::cout << image->height << " " << image->width << "\n";
  }
}
