// cifar-10 and cifar-100: images of 32 x 32, 10 or 100 classes; the latter also by 20 coarse ones.
//
// As published: https://www.cs.toronto.edu/~kriz/cifar.html, the binary and the Python version, as
// an archive or unpacked. The binary one is preferred where both are there.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: with cifar-10-batches-bin/data_batch_1.bin or cifar-10-batches-py/data_batch_1, or
// these files themselves.
absl::StatusOr<SampleSet> ReadCifar10(const DatasetSource& source);

// `source.root`: with cifar-100-binary/train.bin or cifar-100-python/train, or these files
// themselves. Variants: "fine", "coarse".
absl::StatusOr<SampleSet> ReadCifar100(const DatasetSource& source);

}  // namespace tributary
