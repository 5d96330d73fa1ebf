// webdataset: samples in tar archives, as the library of that name writes them.
//
// The files of one sample stand in one archive under one key: 00017.jpg with 00017.txt (a caption),
// 00017.cls (a class) or 00017.json (an object with `text` or `caption`, which may be a list, and
// `label`, `cls` or `class`). The key is a name up to the first '.' behind its folders. The root is
// an archive or a folder of archives; those called test... or, if there are none, val... are the
// test, else a share is drawn sample by sample.
//
// Where any sample has a caption they are pairs; else images with classes, or texts with classes if
// there are no images.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// A sample that lacks what the others have is skipped and listed. NotFound if there is no archive
// or no sample; InvalidArgument if no sample has two of image, text and class.
absl::StatusOr<SampleSet> ReadWebDataset(const DatasetSource& source);

}  // namespace tributary
