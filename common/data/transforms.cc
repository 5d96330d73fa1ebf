#include "common/data/transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace tributary {
namespace {

constexpr uint8_t kWhite = 255;

uint8_t ToByte(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// As if the image had a white border and a window of its own size, moved by dy and dx, were cut
// from that.
void Crop(int64_t size, int64_t channels, int64_t dy, int64_t dx, absl::Span<uint8_t> image) {
  const std::vector<uint8_t> from(image.begin(), image.end());
  std::fill(image.begin(), image.end(), kWhite);
  for (int64_t y = std::max<int64_t>(0, -dy); y < std::min(size, size - dy); ++y) {
    const int64_t x = std::max<int64_t>(0, -dx);
    const int64_t count = size - std::abs(dx);  // of pixels in a row that are still in the window
    if (count <= 0) return;
    std::memcpy(&image[static_cast<size_t>((y * size + x) * channels)],
                &from[static_cast<size_t>(((y + dy) * size + x + dx) * channels)],
                static_cast<size_t>(count * channels));
  }
}

// Between four pixels about (x, y), whose centres lie at halves; at the edge, its own pixels again.
void Interpolate(const std::vector<uint8_t>& from, int64_t size, int64_t channels, double x,
                 double y, uint8_t* to) {
  const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
  const double right_share = x - 0.5 - left, below_share = y - 0.5 - top;
  const auto pixel = [&](double row, double column) {
    const auto at = [&](double place) {
      return std::clamp<int64_t>(static_cast<int64_t>(place), 0, size - 1);
    };
    return &from[static_cast<size_t>((at(row) * size + at(column)) * channels)];
  };
  const uint8_t* corners[] = {pixel(top, left), pixel(top, left + 1), pixel(top + 1, left),
                              pixel(top + 1, left + 1)};
  for (int64_t c = 0; c < channels; ++c) {
    const double above = corners[0][c] + (corners[1][c] - corners[0][c]) * right_share;
    const double below = corners[2][c] + (corners[3][c] - corners[2][c]) * right_share;
    to[c] = ToByte(above + (below - above) * below_share);
  }
}

void Rotate(int64_t size, int64_t channels, double degrees, absl::Span<uint8_t> image) {
  const std::vector<uint8_t> from(image.begin(), image.end());
  const double radians = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(radians), sine = std::sin(radians);
  const double side = static_cast<double>(size), centre = side / 2;
  uint8_t* to = image.data();
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size; ++x, to += channels) {
      // Backwards: where in the old image this pixel's centre comes from, so that none is left out.
      const double right = static_cast<double>(x) + 0.5 - centre;
      const double down = static_cast<double>(y) + 0.5 - centre;
      const double from_x = cosine * right - sine * down + centre;
      const double from_y = sine * right + cosine * down + centre;
      if (from_x < 0 || from_x >= side || from_y < 0 || from_y >= side) {
        std::fill_n(to, channels, kWhite);
      } else {
        Interpolate(from, size, channels, from_x, from_y, to);
      }
    }
  }
}

void FlipHorizontally(int64_t size, int64_t channels, absl::Span<uint8_t> image) {
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size / 2; ++x) {
      uint8_t* a = &image[static_cast<size_t>((y * size + x) * channels)];
      uint8_t* b = &image[static_cast<size_t>((y * size + size - 1 - x) * channels)];
      std::swap_ranges(a, a + channels, b);
    }
  }
}

void FlipVertically(int64_t size, int64_t channels, absl::Span<uint8_t> image) {
  const int64_t row = size * channels;
  for (int64_t y = 0; y < size / 2; ++y) {
    std::swap_ranges(image.begin() + y * row, image.begin() + (y + 1) * row,
                     image.begin() + (size - 1 - y) * row);
  }
}

// Scales the distance of each value from the mean.
void ScaleContrast(double factor, absl::Span<uint8_t> image) {
  double sum = 0;
  for (const uint8_t value : image) sum += value;
  const double grey = sum / static_cast<double>(image.size());
  for (uint8_t& value : image) value = ToByte(grey + (value - grey) * factor);
}

// From [-range, range].
int64_t Shift(int range, RandomStream* stream) {
  return static_cast<int64_t>(stream->Below(2 * static_cast<uint64_t>(range) + 1)) - range;
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

ImageChange DrawChange(const Augmentations& augmentations, RandomStream* stream) {
  ImageChange change;
  if (augmentations.crop_padding > 0) {
    change.crop_down = Shift(augmentations.crop_padding, stream);
    change.crop_right = Shift(augmentations.crop_padding, stream);
  }
  if (augmentations.rotation > 0) {
    change.rotation = augmentations.rotation * (2 * stream->Uniform() - 1);
  }
  change.horizontal_flip =
      augmentations.horizontal_flip > 0 && stream->Uniform() < augmentations.horizontal_flip;
  change.vertical_flip =
      augmentations.vertical_flip > 0 && stream->Uniform() < augmentations.vertical_flip;
  if (augmentations.brightness > 0) change.brightness = Factor(augmentations.brightness, stream);
  if (augmentations.contrast > 0) change.contrast = Factor(augmentations.contrast, stream);
  return change;
}

void ApplyChange(const ImageChange& change, int64_t size, int64_t channels,
                 absl::Span<uint8_t> image) {
  if (change.crop_down != 0 || change.crop_right != 0) {
    Crop(size, channels, change.crop_down, change.crop_right, image);
  }
  if (change.rotation != 0) Rotate(size, channels, change.rotation, image);
  if (change.horizontal_flip) FlipHorizontally(size, channels, image);
  if (change.vertical_flip) FlipVertically(size, channels, image);
  if (change.brightness != 1) {
    for (uint8_t& value : image) value = ToByte(value * change.brightness);
  }
  if (change.contrast != 1) ScaleContrast(change.contrast, image);
}

}  // namespace tributary
