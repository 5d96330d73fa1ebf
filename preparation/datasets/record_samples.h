// RecordSamples: lists the samples of files that hold one image after the other, as raw pixels of
// one size (CIFAR, IDX, npy).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "preparation/datasets/sample_set.h"

namespace tributary {

// One such file.
struct RecordFile {
  std::shared_ptr<const FileTree> tree;
  size_t file = 0;
  uint64_t first = 0;   // offset of the first image
  uint64_t stride = 0;  // from one image to the next
};

// Adds a sample to `part` (of `set`) for each of `labels`, the label of the image of that number.
// One outside of `set->classes` is skipped and listed; lines are the images' numbers, from 1.
void AddRecords(const RecordFile& records, const std::vector<int64_t>& labels, SampleSet* set,
                std::vector<Sample>* part);

}  // namespace tributary
