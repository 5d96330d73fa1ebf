// Transforms of training images: normalisation and random changes. Source: algorithm.md section 2;
// golden/README.md for the order.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/random.h"

namespace tributary {

// (x / 255 - mean) / deviation, and from rows of interleaved channels to one plane per channel.
// `image`: [size, size, channels]; `planes`: [channels, size, size]. `mean`, `deviation`: by
// channel.
void Normalise(absl::Span<const uint8_t> image, absl::Span<const float> mean,
               absl::Span<const float> deviation, absl::Span<float> planes);

// Which random changes to make; all off by default.
struct Augmentations {
  int crop_padding = 0;
  double horizontal_flip = 0;  // probability
  double brightness = 0;       // factor from [1 - b, 1 + b]
  double contrast = 0;         // factor from [1 - c, 1 + c], about the mean grey level
};

// Changes `image` [size, size, channels] in place: crop out of a border of white, flip, brightness,
// contrast.
void Augment(const Augmentations& augmentations, int64_t size, int64_t channels,
             RandomStream* stream, absl::Span<uint8_t> image);

}  // namespace tributary
