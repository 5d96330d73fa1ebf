#include "common/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "common/data/resize_kernels.h"

namespace tributary {
namespace {

// The weights of `count` pixels from `first` on, by their distance from `centre`.
void SetTriangle(double centre, double radius, size_t first, size_t count, int32_t* weights) {
  const auto weight = [&](size_t i) {
    const double distance = static_cast<double>(first + i) - centre + 0.5;
    return std::max(0.0, 1 - std::abs(distance / radius));
  };
  // At the borders a part of the triangle lies outside; what is inside counts for all of it.
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += weight(i);
  for (size_t i = 0; i < count; ++i) {
    weights[i] = static_cast<int32_t>(std::lround(weight(i) / sum * (1 << kResizePrecision)));
  }
}

Taps MakeTaps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  // Made smaller, a pixel takes in all that it covers; made larger, its two neighbours.
  const double radius = std::max(scale, 1.0);
  const auto centre = [&](size_t i) { return (static_cast<double>(i) + 0.5) * scale; };
  Taps taps;
  for (size_t i = 0; i < static_cast<size_t>(to); ++i) {
    // Pillow truncates here, and so does this.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre(i) - radius + 0.5));
    const auto last = std::min<int64_t>(from, static_cast<int64_t>(centre(i) + radius + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    taps.first.push_back(static_cast<size_t>(first));
    taps.count.push_back(static_cast<size_t>(last - first));
    taps.most = std::max(taps.most, taps.count.back());
  }
  taps.weights.resize(taps.most * static_cast<size_t>(to));
  for (size_t i = 0; i < static_cast<size_t>(to); ++i) {
    SetTriangle(centre(i), radius, taps.first[i], taps.count[i], &taps.weights[i * taps.most]);
  }
  return taps;
}

Image ResizeRows(const Image& image, int64_t width) {
  const Taps taps = MakeTaps(image.width, width);
  const auto channels = static_cast<size_t>(image.channels);
  const auto height = static_cast<size_t>(image.height);
  const size_t in_bytes = static_cast<size_t>(image.width) * channels;
  const size_t out_bytes = static_cast<size_t>(width) * channels;
  Image result{.height = image.height, .width = width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(height * out_bytes);
  const PixelWeights weights = channels == 3 ? MakePixelWeights(taps) : PixelWeights();
  // The kernels read kResizeRows rows and some bytes behind the last, and write a byte behind each.
  // So the last rows are filtered from a copy with room behind it, and all go through `out`.
  std::vector<uint8_t> last(kResizeRows * in_bytes + taps.reach());
  std::vector<uint8_t> out(kResizeRows * (out_bytes + 1));
  for (size_t y = 0; y < height; y += kResizeRows) {
    const size_t rows = std::min(kResizeRows, height - y);
    const uint8_t* in = &image.pixels[y * in_bytes];
    if (image.pixels.size() - y * in_bytes < last.size()) {
      std::memcpy(last.data(), in, rows * in_bytes);
      in = last.data();
    }
    if (channels == 3) {
      FilterRgbRows(in, in_bytes, taps, weights, out.data(), out_bytes + 1);
    } else {
      FilterGreyRows(in, in_bytes, taps, out.data(), out_bytes + 1);
    }
    for (size_t row = 0; row < rows; ++row) {
      std::memcpy(&result.pixels[(y + row) * out_bytes], &out[row * (out_bytes + 1)], out_bytes);
    }
  }
  return result;
}

Image ResizeColumns(const Image& image, int64_t height) {
  const Taps taps = MakeTaps(image.height, height);
  const auto row = static_cast<size_t>(image.width * image.channels);
  Image result{.height = height, .width = image.width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(static_cast<size_t>(height) * row);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    FilterColumns(&image.pixels[taps.first[y] * row], &taps.weights[y * taps.most], taps.count[y],
                  row, &result.pixels[y * row]);
  }
  return result;
}

}  // namespace

Image Resize(const Image& image, int64_t height, int64_t width) {
  if (width == image.width) {
    return height == image.height ? image : ResizeColumns(image, height);
  }
  Image wide = ResizeRows(image, width);
  return height == wide.height ? wide : ResizeColumns(wide, height);
}

}  // namespace tributary
