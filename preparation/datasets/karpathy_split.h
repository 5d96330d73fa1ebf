// Karpathy's split: dataset_coco.json and dataset_flickr30k.json of "Deep Visual-Semantic
// Alignments for Generating Image Descriptions" (Karpathy and Fei-Fei, CVPR 2015).
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// The images of `file` in its order: names with their folder where it has one
// ("val2014/COCO_val2014_000000000042.jpg"), split "train", "restval", "val" or "test". Images
// without a name or a split are listed in `set`. Errors as VisitJsonArrays() and
// FileTree::Read().
absl::StatusOr<std::vector<CaptionedImage>> ReadKarpathyImages(const LocatedFile& file,
                                                               SampleSet* set);

// All that Karpathy's split trains on and tests with: train and restval, test; val is left out.
// `file` becomes an origin of `set`.
absl::Status AddKarpathySplit(const LocatedFile& file, ImageFinder* finder, SampleSet* set);

}  // namespace tributary
