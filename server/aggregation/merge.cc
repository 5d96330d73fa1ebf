#include "server/aggregation/merge.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/aggregation/fixed_point.h"

namespace tributary {
namespace {

constexpr size_t kBlock = 512;    // of each step at a time: all its terms fit into the L1 cache
constexpr size_t kJob = 1 << 16;  // values of a job: enough to hide what taking one costs

// Steps that must be taken together: a step and those that write what it reads, found by
// union-find.
std::vector<std::vector<size_t>> GroupsOf(absl::Span<const MergeStep> steps) {
  absl::flat_hash_map<const Tensor*, size_t> writer;
  for (size_t i = 0; i < steps.size(); ++i) writer[steps[i].tensor] = i;
  std::vector<size_t> parent(steps.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const auto& [tensor, coefficient] : steps[i].foreign) {
      const auto found = writer.find(tensor);
      if (found != writer.end()) parent[root(i)] = root(found->second);
    }
  }
  std::vector<std::vector<size_t>> groups(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) groups[root(i)].push_back(i);
  groups.erase(std::remove_if(groups.begin(), groups.end(),
                              [](const std::vector<size_t>& group) { return group.empty(); }),
               groups.end());
  return groups;
}

// The sums of a step's values from `begin` on, in fixed point.
void SumBlock(const MergeStep& step, size_t begin, absl::Span<int64_t> sums) {
  step.sums->Read(step.place, begin, sums);
  for (const MergeStep::Addend& addend : step.addends) {
    addend.update->AddTo(addend.tensor, begin, addend.weight, sums);
  }
}

void ComputeBlock(const MergeStep& step, size_t begin, absl::Span<float> values) {
  std::array<int64_t, kBlock> block;
  const absl::Span<int64_t> sums = absl::MakeSpan(block).first(values.size());
  SumBlock(step, begin, sums);
  // One plain loop for each term: compilers make wide instructions of those.
  std::array<double, kBlock> change;
  ReadFixedPoint(sums, absl::MakeSpan(change).first(values.size()));
  const float* old = step.tensor->values.data() + begin;
  for (size_t i = 0; i < values.size(); ++i) change[i] *= step.factor;
  for (const auto& [tensor, coefficient] : step.foreign) {
    const float* other = tensor->values.data() + begin;
    for (size_t i = 0; i < values.size(); ++i) {
      change[i] += coefficient * (static_cast<double>(other[i]) - static_cast<double>(old[i]));
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<double>(old[i]) + change[i]);
  }
}

absl::Status CheckSizes(absl::Span<const MergeStep> steps) {
  for (const MergeStep& step : steps) {
    for (const auto& [tensor, coefficient] : step.foreign) {
      if (tensor->values.size() == step.tensor->values.size()) continue;
      return absl::InternalError(absl::StrCat("a tensor of ", step.tensor->values.size(),
                                              " values is to be merged with one of ",
                                              tensor->values.size()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningMerge>> RunningMerge::Start(std::vector<MergeStep> steps,
                                                                  int threads) {
  if (absl::Status status = CheckSizes(steps); !status.ok()) return status;
  std::unique_ptr<RunningMerge> merge(new RunningMerge(std::move(steps)));
  const size_t all = std::min(static_cast<size_t>(std::max(threads, 1)), merge->jobs_.size());
  for (size_t i = 1; i < all; ++i) {
    merge->helpers_.emplace_back([running = merge.get()] {
      while (running->DoNext()) {
      }
    });
  }
  return merge;
}

RunningMerge::RunningMerge(std::vector<MergeStep> steps)
    : steps_(std::move(steps)), groups_(GroupsOf(steps_)) {
  absl::MutexLock lock(&mutex_);
  for (const std::vector<size_t>& group : groups_) {
    const size_t count = steps_[group.front()].tensor->values.size();
    for (size_t begin = 0; begin < count; begin += kJob) {
      jobs_.push_back({&group, begin, std::min(begin + kJob, count)});
      for (const size_t step : group) ++left_[steps_[step].tensor];
    }
  }
}

// Of a tensor that reads no other and that no other reads: in place.
void RunningMerge::DoAlone(const MergeStep& step, const Job& job) const {
  std::array<int64_t, kBlock> block;
  for (size_t begin = job.begin; begin < job.end; begin += kBlock) {
    const auto sums = absl::MakeSpan(block).first(std::min(kBlock, job.end - begin));
    SumBlock(step, begin, sums);
    AddSums(sums, step.factor, absl::MakeSpan(step.tensor->values).subspan(begin, sums.size()));
  }
}

void RunningMerge::Do(const Job& job) const {
  const std::vector<size_t>& group = *job.group;
  const MergeStep& first = steps_[group.front()];
  if (group.size() == 1 && first.foreign.empty()) return DoAlone(first, job);
  // All steps of the group read old values, so none may be written before all are computed.
  std::vector<std::array<float, kBlock>> fresh(group.size());
  for (size_t begin = job.begin; begin < job.end; begin += kBlock) {
    const size_t count = std::min(kBlock, job.end - begin);
    for (size_t i = 0; i < fresh.size(); ++i) {
      ComputeBlock(steps_[group[i]], begin, absl::MakeSpan(fresh[i]).first(count));
    }
    for (size_t i = 0; i < fresh.size(); ++i) {
      std::copy_n(fresh[i].begin(), count,
                  steps_[group[i]].tensor->values.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }
}

bool RunningMerge::DoNext() {
  // Jobs are handed out in order, so that a tensor is complete about when the store comes to it.
  const size_t next = next_++;
  if (next >= jobs_.size()) return false;
  Do(jobs_[next]);
  absl::MutexLock lock(&mutex_);
  for (const size_t step : *jobs_[next].group) --left_[steps_[step].tensor];
  return true;
}

bool RunningMerge::IsWrittenLocked(const Tensor& tensor) const {
  const auto left = left_.find(&tensor);
  return left == left_.end() || left->second == 0;
}

bool RunningMerge::IsWritten(const Tensor& tensor) const {
  absl::MutexLock lock(&mutex_);
  return IsWrittenLocked(tensor);
}

void RunningMerge::Await(const Tensor& tensor) {
  while (!IsWritten(tensor) && DoNext()) {
  }
  // No job is left to take, but others may still be at those of this tensor.
  const auto written = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return IsWrittenLocked(tensor); };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&written));
}

void RunningMerge::Finish() {
  while (DoNext()) {
  }
  for (std::thread& helper : helpers_) helper.join();
  helpers_.clear();
  // The updates' memory is for the next round's uploads.
  for (MergeStep& step : steps_) step.addends.clear();
}

absl::Status Merge(std::vector<MergeStep> steps, int threads) {
  absl::StatusOr<std::unique_ptr<RunningMerge>> merge =
      RunningMerge::Start(std::move(steps), threads);
  if (!merge.ok()) return merge.status();
  (*merge)->Finish();
  return absl::OkStatus();
}

}  // namespace tributary
