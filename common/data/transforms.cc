#include "common/data/transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tributary {
namespace {

constexpr uint8_t kWhite = 255;

uint8_t ToByte(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// As if the image had a white border of `padding` pixels and a window of its own size were cut from
// that.
void Crop(int64_t size, int64_t channels, int padding, RandomStream* stream,
          absl::Span<uint8_t> image) {
  const auto choices = 2 * static_cast<uint64_t>(padding) + 1;
  const int64_t dy = static_cast<int64_t>(stream->Below(choices)) - padding;
  const int64_t dx = static_cast<int64_t>(stream->Below(choices)) - padding;
  const std::vector<uint8_t> from(image.begin(), image.end());
  std::fill(image.begin(), image.end(), kWhite);
  for (int64_t y = std::max<int64_t>(0, -dy); y < std::min(size, size - dy); ++y) {
    const int64_t x = std::max<int64_t>(0, -dx);
    const int64_t count = size - std::abs(dx);
    std::memcpy(&image[static_cast<size_t>((y * size + x) * channels)],
                &from[static_cast<size_t>(((y + dy) * size + x + dx) * channels)],
                static_cast<size_t>(count * channels));
  }
}

void Flip(int64_t size, int64_t channels, absl::Span<uint8_t> image) {
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size / 2; ++x) {
      uint8_t* a = &image[static_cast<size_t>((y * size + x) * channels)];
      uint8_t* b = &image[static_cast<size_t>((y * size + size - 1 - x) * channels)];
      std::swap_ranges(a, a + channels, b);
    }
  }
}

double Factor(double range, RandomStream* stream) {
  return 1 + range * (2 * stream->Uniform() - 1);
}

}  // namespace

void Normalise(absl::Span<const uint8_t> image, absl::Span<const float> mean,
               absl::Span<const float> deviation, absl::Span<float> planes) {
  const size_t channels = mean.size(), pixels = image.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    const float scale = 1 / (255 * deviation[c]), shift = mean[c] / deviation[c];
    for (size_t i = 0; i < pixels; ++i) {
      planes[c * pixels + i] = static_cast<float>(image[i * channels + c]) * scale - shift;
    }
  }
}

void Augment(const Augmentations& augmentations, int64_t size, int64_t channels,
             RandomStream* stream, absl::Span<uint8_t> image) {
  if (augmentations.crop_padding > 0)
    Crop(size, channels, augmentations.crop_padding, stream, image);
  if (augmentations.horizontal_flip > 0 && stream->Uniform() < augmentations.horizontal_flip) {
    Flip(size, channels, image);
  }
  if (augmentations.brightness > 0) {
    const double factor = Factor(augmentations.brightness, stream);
    for (uint8_t& value : image) value = ToByte(value * factor);
  }
  if (augmentations.contrast > 0) {
    const double factor = Factor(augmentations.contrast, stream);
    double sum = 0;
    for (const uint8_t value : image) sum += value;
    const double grey = sum / static_cast<double>(image.size());
    for (uint8_t& value : image) value = ToByte(grey + (value - grey) * factor);
  }
}

}  // namespace tributary
