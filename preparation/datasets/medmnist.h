// medmnist: the twelve two-dimensional sets of MedMNIST, each also by a name of its own.
//
// As published: NAME.npz, or NAME_64.npz, NAME_128.npz, NAME_224.npz of larger images. Its training
// part is for training, its test part for the test; its validation part is in neither, and is not
// read. ChestMNIST's images have any number of 14 findings; the first, in the published order, is
// taken for the class, and class 14 is "no finding".
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: the .npz file, or a folder with it; of several sizes NAME.npz is taken, then the
// smallest. `source.variant`: the set; empty: its first, pathmnist.
absl::StatusOr<SampleSet> ReadMedMnist(const DatasetSource& source);

// Readers for the table: "medmnist" and one for each set.
std::vector<DatasetReader> MedMnistReaders();

}  // namespace tributary
