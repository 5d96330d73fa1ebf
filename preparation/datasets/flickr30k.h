// flickr30k: 31,783 photographs with five captions each (Young et al., TACL 2014).
//
// Images lie in any folder or archive of the root. Captions are results.csv, results_20130124.token
// or Karpathy's dataset_flickr30k.json. Variants:
//
//   karpathy   his split: train and restval train, test tests, val is left out
//   release    as many as the paper's: 10,000 images train, 5,000 test. Files of ids say which
//              (1000092795 for 1000092795.jpg); without them the first of the captions' file train
//              and those behind them test
//   split      a share of the images, drawn, tests
//
// Without one: karpathy if its file is there, else split.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

absl::StatusOr<SampleSet> ReadFlickr30k(const DatasetSource& source);

}  // namespace tributary
