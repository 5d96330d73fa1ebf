// image-folder: your own images, a folder for each class.
//
// ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg ("val", "valid" or "validation" instead of
// "test" will do), or ROOT/CLASS/*.jpg, of which a share is drawn for the test. ROOT may be an
// archive, or hold one. Classes are sorted by name; folders within a class's folder belong to it.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// A file that is no image by its name, or in no class's folder, is skipped and listed, as is an
// image of a test class that training lacks. InvalidArgument if no image is left for training or
// `source.test_share` is not in [0, 1).
absl::StatusOr<SampleSet> ReadImageFolder(const DatasetSource& source);

}  // namespace tributary
