// csv and jsonl: your own data, as a table with a row for each sample.
//
// The root is the table itself, or a folder or archive that holds train.csv and test.csv, or
// data.csv, or any single .csv (for jsonl: .jsonl), or train/metadata.csv and test/metadata.csv.
// own_columns.h says which columns are read, and what the samples are by them. Images are named
// relative to the table's folder, absolutely within it, or by what stands in another folder or
// archive there.
//
// A single table is split by its split column (train, test; validation rows are left out, or test
// if there are no others), else a share is drawn that tests: of images with all their rows, of
// texts by row. A row of a training table that says that it tests is left out. Classes are the
// labels of the training part. A list of texts, in JSON, gives an image several captions.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

absl::StatusOr<SampleSet> ReadOwnCsv(const DatasetSource& source);
absl::StatusOr<SampleSet> ReadOwnJsonLines(const DatasetSource& source);

}  // namespace tributary
