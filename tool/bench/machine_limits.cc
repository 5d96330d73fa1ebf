#include "tool/bench/machine_limits.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/parallel.h"
#include "server/aggregation/accumulator.h"

namespace tributary {
namespace {

constexpr size_t kJob = 1 << 18;  // values, as a slice has
constexpr int kRuns = 5;          // the first also faults pages in; the best of them counts

double BestRate(int64_t bytes, const std::function<void()>& run) {
  double best = 0;
  for (int i = 0; i < kRuns; ++i) {
    const int64_t begin = absl::GetCurrentTimeNanos();
    run();
    best = std::max(best, static_cast<double>(bytes) /
                              static_cast<double>(absl::GetCurrentTimeNanos() - begin));
  }
  return best;
}

}  // namespace

MachineLimits MeasureLimits(int64_t bytes) {
  const auto count = static_cast<size_t>(bytes) / sizeof(float);
  std::vector<float> values(count, 1e-3F), sums(count);
  const size_t jobs = (count + kJob - 1) / kJob;
  const auto for_jobs = [&](const std::function<void(size_t begin, size_t end)>& job) {
    ParallelFor(CoreCount(), jobs,
                [&](size_t i) { job(i * kJob, std::min(count, (i + 1) * kJob)); });
  };
  MachineLimits limits;
  limits.memcpy_gbps = BestRate(bytes, [&] {
    for_jobs([&](size_t begin, size_t end) {
      std::memcpy(sums.data() + begin, values.data() + begin, (end - begin) * sizeof(float));
    });
  });
  limits.weighted_sum_gbps = BestRate(bytes, [&] {
    for_jobs([&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) sums[i] += 0.125F * values[i];
    });
  });
  sums = std::vector<float>();  // freed: the 64-bit sums are twice as large
  Accumulator accumulator({{{"values", {static_cast<int64_t>(count)}}}});
  limits.accumulate_gbps = BestRate(bytes, [&] {
    for_jobs([&](size_t begin, size_t end) {
      accumulator.Add(0, begin, absl::MakeConstSpan(values).subspan(begin, end - begin), 0.125);
    });
  });
  return limits;
}

}  // namespace tributary
