// Dealing: which samples of a set go to which client.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/dealing/partition.h"

namespace tributary {

// How a set is dealt out, in words:
//
//   iid              shuffled, equal shares; captions stay with their image
//   dirichlet:ALPHA  by class, as the paper's uni-modal clients (docs/algorithm.md section 2)
//   pairs            by image, as the paper's pair clients (docs/algorithm.md section 2)
//   natural          by owner: icon theme, or the column `owner` of your own files
//   column:NAME      by the values of a column of your own files
struct Dealing {
  enum class Kind { kIid, kDirichlet, kPairs, kOwner };

  Kind kind = Kind::kIid;
  double alpha = 0;          // of dirichlet
  std::string column{};      // of column:NAME
  int clients = 4;           // at least 1
  int min_classes = 0;       // that each client must hold; of dirichlet
  int64_t most_samples = 0;  // of each client, drawn; 0: all
};

// Reads `words` as above. InvalidArgument lists what there is.
absl::StatusOr<Dealing> ParseDealing(const std::string& words);

// Client -> its samples of `set.train`. Draws come from stream (seed, "partition", dataset).
// InvalidArgument where the set cannot be dealt so: pairs without classes, owners that are too few.
absl::StatusOr<Partition> Deal(const Dealing& dealing, const SampleSet& set,
                               const std::string& dataset, uint64_t seed);

// Takes `share` of a client's hand out of it, for the client's own test part, and returns it; both
// in the order of the source. Captions stay with their image. At least one image (or text) and not
// all: a hand of one stays whole. Draws come from stream (seed, "client-test", client, dataset).
std::vector<int64_t> TakeOwnTest(double share, const SampleSet& set, const std::string& dataset,
                                 int client, uint64_t seed, std::vector<int64_t>* hand);

}  // namespace tributary
