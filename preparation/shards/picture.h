// What the decoder of one format hands over: pixels as the file has them, not yet of 8 bits, RGB,
// opaque and upright. image.h makes an Image of it.
#pragma once

#include <optional>

#include <opencv2/core.hpp>

#include "preparation/shards/image_decoding.h"

namespace tributary {

struct Picture {
  cv::Mat mat;                    // grey, BGR or BGRA
  bool premultiplied = false;     // colours are those over black
  std::optional<int> clear_grey;  // the level of a grey mat that is transparent
  bool is_upright = false;        // the decoder has applied traits.orientation
  ImageTraits traits{};           // but for the levels
};

}  // namespace tributary
