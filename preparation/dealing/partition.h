// Partitions: which samples go to which client. Pure functions of injected draws, so that the
// paper's own draws can be replayed. Source: docs/algorithm.md section 2; golden/partition.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/random.h"

namespace tributary {

// Client -> its samples, in order.
using Partition = std::vector<std::vector<int64_t>>;

// The random choices of a partition.
class PartitionDraws {
 public:
  virtual ~PartitionDraws() = default;
  virtual void Shuffle(std::vector<int64_t>* items) = 0;
  virtual std::vector<double> Dirichlet(double alpha, size_t parts) = 0;
  virtual double Uniform(double low, double high) = 0;
};

// Draws from a named stream.
class StreamDraws : public PartitionDraws {
 public:
  explicit StreamDraws(RandomStream stream) : stream_(stream) {}
  void Shuffle(std::vector<int64_t>* items) override { stream_.Shuffle(absl::MakeSpan(*items)); }
  std::vector<double> Dirichlet(double alpha, size_t parts) override {
    return stream_.Dirichlet(alpha, parts);
  }
  double Uniform(double low, double high) override {
    return low + (high - low) * stream_.Uniform();
  }

 private:
  RandomStream stream_;
};

// Below, every draw may underflow to 0 for as long as anybody waits; above, all shares are equal to
// the last bit that matters.
inline constexpr double kLeastAlpha = 1e-4;
inline constexpr double kMostAlpha = 1e6;

// InvalidArgument unless `alpha` lies between the two; infinity and NaN do not.
absl::Status CheckAlpha(double alpha);

// Dirichlet(alpha) by class: see docs/algorithm.md section 2. `labels`: of each
// sample, in [0, classes); a class without samples is dealt out as nothing. InvalidArgument if
// CheckAlpha() refuses `alpha` or there are fewer than 10 samples for each client;
// ResourceExhausted if no draw of many gives every client 10 samples, and samples of at least
// `min_classes` classes (which the paper's release does not ask for).
absl::StatusOr<Partition> PartitionDirichlet(absl::Span<const int32_t> labels, int classes,
                                             int clients, double alpha, PartitionDraws* draws,
                                             int min_classes = 0);

// Shuffled and dealt out in equal runs (sizes differ by one at most).
Partition PartitionIid(int64_t samples, int clients, PartitionDraws* draws);

// Images with `captions` consecutive rows each: see docs/algorithm.md section 2.
Partition PartitionPairs(int64_t images, int64_t captions, int clients, PartitionDraws* draws);

}  // namespace tributary
