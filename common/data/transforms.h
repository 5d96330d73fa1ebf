// Transforms of training images: normalisation and random changes. Source: docs/algorithm.md
// section 2; golden/README.md for the order.
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
  double rotation = 0;         // angle from [-r, r], degrees
  double horizontal_flip = 0;  // probability
  double vertical_flip = 0;    // probability
  double brightness = 0;       // factor from [1 - b, 1 + b]
  double contrast = 0;         // factor from [1 - c, 1 + c], about the mean grey level
};

// What was drawn for one image. As made, it changes nothing.
struct ImageChange {
  int64_t crop_down = 0, crop_right = 0;  // pixels that the window moves
  double rotation = 0;                    // degrees, counter-clockwise
  bool horizontal_flip = false, vertical_flip = false;
  double brightness = 1, contrast = 1;  // factors

  bool operator==(const ImageChange&) const = default;
};

// Draws the changes that `augmentations` ask for, in their order; no numbers for those that are
// off.
ImageChange DrawChange(const Augmentations& augmentations, RandomStream* stream);

// Changes `image` [size, size, channels] in place: a crop out of a border of white, a turn about
// the centre (bilinear, white outside, as Pillow does it), flips, brightness, contrast.
void ApplyChange(const ImageChange& change, int64_t size, int64_t channels,
                 absl::Span<uint8_t> image);

}  // namespace tributary
