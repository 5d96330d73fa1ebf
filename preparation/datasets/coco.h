// coco: photographs with five captions each (Chen et al., "Microsoft COCO Captions", 2015).
//
// Variants:
//
//   2014, 2017   annotations/captions_train2014.json trains, captions_val2014.json tests; images in
//                train2014/ and val2014/, as folders or zips (2017 alike)
//   karpathy     his split, from dataset_coco.json: train and restval train, test tests
//
// Without one: the first of these that is there. Files of ids name captions (annotations[].id) of
// either file of captions, and their order; the paper's runs take them so.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

absl::StatusOr<SampleSet> ReadCoco(const DatasetSource& source);

}  // namespace tributary
