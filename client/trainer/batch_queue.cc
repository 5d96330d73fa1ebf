#include "client/trainer/batch_queue.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include <ATen/core/Tensor.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/train/representations.h"

namespace tributary {
namespace {

constexpr size_t kAhead = 3;

}  // namespace

BatchQueue::BatchQueue(const Samples& samples, const LocalTask& task,
                       const std::vector<int64_t>& word_places)
    : samples_(samples),
      task_(task),
      word_places_(word_places),
      batches_per_epoch_((samples.count() + task.training.batch - 1) / task.training.batch),
      thread_([this] { Run(); }) {}

BatchQueue::~BatchQueue() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  thread_.join();
}

absl::StatusOr<Batch> BatchQueue::Next() {
  absl::MutexLock lock(&mutex_);
  const auto any = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !ready_.empty(); };
  mutex_.Await(absl::Condition(&any));
  if (!ready_.front().ok()) return ready_.front();
  absl::StatusOr<Batch> batch = std::move(ready_.front());
  ready_.pop_front();
  return batch;
}

bool BatchQueue::Put(absl::StatusOr<Batch> batch) {
  absl::MutexLock lock(&mutex_);
  const auto room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || ready_.size() < kAhead;
  };
  mutex_.Await(absl::Condition(&room));
  if (stopped_) return false;
  const bool ok = batch.ok();
  ready_.push_back(std::move(batch));
  return ok;
}

void BatchQueue::Run() {
  const auto round = static_cast<uint64_t>(task_.round);
  RandomStream shuffle(task_.seed, "shuffle", round, task_.client);
  RandomStream augment(task_.seed, "augment", round, task_.client);
  std::vector<int64_t> order(static_cast<size_t>(samples_.count()));
  const auto size = static_cast<size_t>(task_.training.batch);
  for (int epoch = 0; epoch < task_.training.epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0);
    if (task_.shuffle) shuffle.Shuffle(absl::MakeSpan(order));
    for (size_t begin = 0; begin < order.size(); begin += size) {
      const auto rows = absl::MakeConstSpan(order).subspan(begin, size);
      if (!Put(Prepare(rows, &augment))) return;
    }
  }
}

absl::StatusOr<Batch> BatchQueue::Prepare(absl::Span<const int64_t> rows,
                                          RandomStream* augment) const {
  try {
    absl::StatusOr<Batch> batch = samples_.Gather(rows, task_.training.augmentations, augment);
    if (batch.ok() && batch->tokens.defined()) {
      batch->tokens = TranslateTokens(batch->tokens, word_places_);
    }
    return batch;
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot prepare a batch: ", error.what()));
  }
}

}  // namespace tributary
