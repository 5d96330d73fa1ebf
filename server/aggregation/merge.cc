#include "server/aggregation/merge.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/parallel.h"
#include "server/aggregation/fixed_point.h"

namespace tributary {
namespace {

constexpr size_t kBlock = 512;    // of each step at a time: all its terms fit into the first cache
constexpr size_t kJob = 1 << 16;  // values of a thread's job

// Steps that must be taken together: those whose tensors one of them reads.
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

struct Job {
  const std::vector<size_t>* group;
  size_t begin;
  size_t end;
};

// Of a tensor that reads no other and that no other reads: in place.
void DoJobAlone(const MergeStep& step, const Job& job) {
  std::array<int64_t, kBlock> block;
  for (size_t begin = job.begin; begin < job.end; begin += kBlock) {
    const auto sums = absl::MakeSpan(block).first(std::min(kBlock, job.end - begin));
    SumBlock(step, begin, sums);
    AddSums(sums, step.factor, absl::MakeSpan(step.tensor->values).subspan(begin, sums.size()));
  }
}

void DoJob(absl::Span<const MergeStep> steps, const Job& job) {
  const MergeStep& first = steps[job.group->front()];
  if (job.group->size() == 1 && first.foreign.empty()) return DoJobAlone(first, job);
  std::vector<std::array<float, kBlock>> fresh(job.group->size());
  for (size_t begin = job.begin; begin < job.end; begin += kBlock) {
    const size_t count = std::min(kBlock, job.end - begin);
    for (size_t i = 0; i < fresh.size(); ++i) {
      ComputeBlock(steps[(*job.group)[i]], begin, absl::MakeSpan(fresh[i]).first(count));
    }
    for (size_t i = 0; i < fresh.size(); ++i) {
      std::copy_n(
          fresh[i].begin(), count,
          steps[(*job.group)[i]].tensor->values.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }
}

// The jobs of a merge, taken in order by any number of threads.
class Jobs {
 public:
  Jobs(absl::Span<const MergeStep> steps, std::vector<Job> jobs)
      : steps_(steps), jobs_(std::move(jobs)) {
    for (const Job& job : jobs_) {
      for (const size_t step : *job.group) ++left_[steps_[step].tensor];
    }
  }

  // Does the next job. False if there is none.
  bool DoNext() {
    const size_t next = next_++;
    if (next >= jobs_.size()) return false;
    DoJob(steps_, jobs_[next]);
    absl::MutexLock lock(&mutex_);
    for (const size_t step : *jobs_[next].group) --left_[steps_[step].tensor];
    return true;
  }

  // Does jobs until those that write to `tensor` are done.
  void Await(const Tensor& tensor) {
    while (!IsWritten(tensor) && DoNext()) {
    }
    const auto written = [&]()
                             ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return IsWrittenLocked(tensor); };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&written));
  }

 private:
  bool IsWrittenLocked(const Tensor& tensor) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    const auto left = left_.find(&tensor);
    return left == left_.end() || left->second == 0;
  }
  bool IsWritten(const Tensor& tensor) const {
    absl::MutexLock lock(&mutex_);
    return IsWrittenLocked(tensor);
  }

  const absl::Span<const MergeStep> steps_;
  const std::vector<Job> jobs_;
  std::atomic<size_t> next_ = 0;
  mutable absl::Mutex mutex_;
  // Of each tensor that is written, how many jobs are still to come.
  absl::flat_hash_map<const Tensor*, size_t> left_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status Merge(absl::Span<const MergeStep> steps, int threads, const BesideMerge& beside) {
  for (const MergeStep& step : steps) {
    for (const auto& [tensor, coefficient] : step.foreign) {
      if (tensor->values.size() == step.tensor->values.size()) continue;
      return absl::InternalError(absl::StrCat("a tensor of ", step.tensor->values.size(),
                                              " values is to be merged with one of ",
                                              tensor->values.size()));
    }
  }
  const std::vector<std::vector<size_t>> groups = GroupsOf(steps);
  std::vector<Job> cut;
  for (const std::vector<size_t>& group : groups) {
    const size_t count = steps[group.front()].tensor->values.size();
    for (size_t begin = 0; begin < count; begin += kJob) {
      cut.push_back({&group, begin, std::min(begin + kJob, count)});
    }
  }
  const size_t count = cut.size();
  Jobs jobs(steps, std::move(cut));
  RunOnThreads(threads, count, [&](bool caller) {
    if (caller && beside != nullptr) {
      beside([&jobs](const Tensor& tensor) { jobs.Await(tensor); });
    }
    while (jobs.DoNext()) {
    }
  });
  return absl::OkStatus();
}

}  // namespace tributary
