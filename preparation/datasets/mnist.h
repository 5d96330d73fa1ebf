// mnist and fashion-mnist: grey images of 28 x 28 in 10 classes, as four IDX files, packed by gzip
// or not.
//
// Published at https://github.com/zalandoresearch/fashion-mnist, and as Debian's package
// dataset-fashion-mnist; MNIST at http://yann.lecun.com/exdb/mnist/.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: with the four files, as torchvision lays them out, or as the package does
// (usr/share/datasets/fashion-mnist).
absl::StatusOr<SampleSet> ReadFashionMnist(const DatasetSource& source);
absl::StatusOr<SampleSet> ReadMnist(const DatasetSource& source);

}  // namespace tributary
