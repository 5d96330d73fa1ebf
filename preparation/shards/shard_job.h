// ShardJob: one shard of a preparation, from its list of samples to the file.
//
// Images are decoded on all threads and written in order. An image that cannot be decoded, or that
// is also in the test, is left out with its rows. A job that was interrupted goes on behind the
// last image that is on the disk; the file comes out the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/data/shard.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/shards/journal.h"

namespace tributary {

struct ShardJob {
  const SampleSet& set;
  const std::vector<Sample>& samples;
  absl::Span<const int64_t> rows;  // of `samples`, in the shard's order
  std::string path;
  ShardInfo info;  // rows and images are counted
  ImageDecoding decoding{};
  std::string fingerprint;
  // Contents (XXH3-64 of what is stored) that must not be in it; may be null.
  const absl::flat_hash_set<uint64_t>* forbidden;
  int threads;
  bool strict;  // the first image that has to be left out is an error
};

struct ShardOutcome {
  std::string digest;
  std::vector<int64_t> rows;           // that are in the shard
  std::vector<ImageOutcome> images;    // in the order in which rows name them
  std::vector<SkippedSample> skipped;  // images that were left out
};

// `path`'s folder must be there. `on_image` is called for each image, on the caller's thread, with
// whether it was there from before. DataLoss under `strict`; other errors are the disk's.
absl::StatusOr<ShardOutcome> WriteShard(const ShardJob& job,
                                        absl::FunctionRef<void(bool)> on_image);

// The number of images that `rows` name.
size_t CountImages(const std::vector<Sample>& samples, absl::Span<const int64_t> rows);

// Removes what a finished job no longer needs.
void ForgetJournal(const std::string& path);

}  // namespace tributary
