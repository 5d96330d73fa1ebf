// ag-news: AG's news topics, 120,000 + 7,600 texts in 4 classes (Zhang, Zhao and LeCun, NIPS 2015).
//
// train.csv and test.csv (class, title, description) and, if it is there, classes.txt, in a folder
// or in ag_news_csv.tar.gz. A text is title, space, description. Variants:
//
//   basic-english   put through torchtext's normalisation of that name, as the paper's runs do
//   as-published    left as it is
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

absl::StatusOr<SampleSet> ReadAgNews(const DatasetSource& source);

}  // namespace tributary
