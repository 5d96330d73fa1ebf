// What the image files of a preparation were, beyond their samples.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "preparation/shards/image_decoding.h"
#include "preparation/shards/journal.h"

namespace tributary {

// Adds `images` to `report`, {oriented, more_frames, deep, lowest, highest}: how many carry an
// orientation other than upright, how many hold more than the picture that was taken, how many have
// more than 8 bits, and their lowest and highest level. What a person should act on is added to the
// report's notes. Nothing without images.
void AddImageReport(const std::vector<ImageOutcome>& images, const ImageDecoding& decoding,
                    nlohmann::json* report);

}  // namespace tributary
