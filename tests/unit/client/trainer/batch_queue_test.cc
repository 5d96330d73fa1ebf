#include "client/trainer/batch_queue.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

const std::vector<int64_t> kWholeTable;

// Samples whose label is their row.
MemorySamples Numbered(int64_t count) {
  at::Tensor labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) labels.mutable_data_ptr<int64_t>()[i] = i;
  return {Modality::kImage, {.images = TinyImages(count), .tokens = {}, .labels = labels}};
}

std::vector<int64_t> RowsOf(const Batch& batch) {
  const auto* begin = batch.labels.const_data_ptr<int64_t>();
  return {begin, begin + batch.labels.numel()};
}

LocalTask TaskOf(int epochs, int64_t batch, bool shuffle) {
  LocalTask task{.round = 1, .seed = 3, .client = "a", .training = {}};
  task.training.epochs = epochs;
  task.training.batch = batch;
  task.shuffle = shuffle;
  return task;
}

std::vector<int64_t> Epoch(BatchQueue* queue) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < queue->batches_per_epoch(); ++i) {
    const auto batch = queue->Next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    const std::vector<int64_t> part = RowsOf(*batch);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

TEST(BatchQueueTest, KeepsTheOrderAndTheShortLastBatch) {
  const MemorySamples samples = Numbered(7);
  BatchQueue queue(samples, TaskOf(1, 3, false), kWholeTable);
  ASSERT_EQ(queue.batches_per_epoch(), 3);
  EXPECT_EQ(RowsOf(*queue.Next()), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(RowsOf(*queue.Next()), (std::vector<int64_t>{3, 4, 5}));
  EXPECT_EQ(RowsOf(*queue.Next()), (std::vector<int64_t>{6}));
}

TEST(BatchQueueTest, EveryEpochHasEverySampleOnceInAnOrderOfItsOwn) {
  const MemorySamples samples = Numbered(50);
  BatchQueue queue(samples, TaskOf(2, 8, true), kWholeTable);
  std::vector<int64_t> first = Epoch(&queue), second = Epoch(&queue);
  EXPECT_NE(first, second);
  BatchQueue again(samples, TaskOf(2, 8, true), kWholeTable);
  EXPECT_EQ(Epoch(&again), first);
  EXPECT_EQ(Epoch(&again), second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::unique(first.begin(), first.end()), first.end());
}

TEST(BatchQueueTest, TranslatesTokensToTheirPlaces) {
  const MemorySamples samples(Modality::kText,
                              {.images = {}, .tokens = TinyTokens(2), .labels = TinyLabels(2)});
  // Of the rows 0 to 7 that occur, 5 does not.
  const std::vector<int64_t> places = {0, 1, 2, 3, 4, 0, 5, 6};
  BatchQueue queue(samples, TaskOf(1, 2, false), places);
  const auto batch = queue.Next();
  ASSERT_TRUE(batch.ok());
  const auto* tokens = batch->tokens.const_data_ptr<int64_t>();
  EXPECT_EQ(std::vector<int64_t>(tokens, tokens + 10),
            (std::vector<int64_t>{1, 3, 5, 2, 0, 1, 4, 6, 2, 0}));
}

TEST(BatchQueueTest, CanBeDroppedWithBatchesLeft) {
  const MemorySamples samples = Numbered(64);
  for (int taken = 0; taken < 4; ++taken) {
    BatchQueue queue(samples, TaskOf(100, 2, true), kWholeTable);
    for (int i = 0; i < taken; ++i) EXPECT_TRUE(queue.Next().ok());
  }
}

class Unreadable : public MemorySamples {
 public:
  Unreadable() : MemorySamples(Modality::kImage, {TinyImages(4), {}, TinyLabels(4)}) {}
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> /*rows*/,
                               const Augmentations& /*augmentations*/,
                               RandomStream* /*stream*/) const override {
    return absl::DataLossError("block 1");
  }
};

TEST(BatchQueueTest, AnErrorIsGivenAgain) {
  const Unreadable samples;
  BatchQueue queue(samples, TaskOf(5, 2, true), kWholeTable);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.Next().status(), absl::DataLossError("block 1"));
}

TEST(BatchQueueTest, AnErrorComesAfterTheBatchesBeforeIt) {
  class ThirdRow : public MemorySamples {
   public:
    ThirdRow() : MemorySamples(Modality::kImage, {TinyImages(4), {}, TinyLabels(4)}) {}
    absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& changes,
                                 RandomStream* stream) const override {
      if (rows.front() == 2) return absl::DataLossError("row 2");
      return MemorySamples::Gather(rows, changes, stream);
    }
  };
  const ThirdRow samples;
  BatchQueue queue(samples, TaskOf(5, 1, false), kWholeTable);
  EXPECT_TRUE(queue.Next().ok());
  EXPECT_TRUE(queue.Next().ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.Next().status(), absl::DataLossError("row 2"));
}

TEST(BatchQueueTest, WhatIsThrownIsInternal) {
  class Throws : public MemorySamples {
   public:
    Throws() : MemorySamples(Modality::kImage, {TinyImages(4), {}, TinyLabels(4)}) {}
    absl::StatusOr<Batch> Gather(absl::Span<const int64_t>, const Augmentations&,
                                 RandomStream*) const override {
      throw std::runtime_error("no memory for it");
    }
  };
  const Throws samples;
  BatchQueue queue(samples, TaskOf(1, 2, true), kWholeTable);
  const absl::Status status = queue.Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("no memory for it"), std::string::npos);
}

TEST(BatchQueueTest, RoundSeedAndClientNameTheOrder) {
  const MemorySamples samples = Numbered(50);
  const auto order = [&](const LocalTask& task) {
    BatchQueue queue(samples, task, kWholeTable);
    return Epoch(&queue);
  };
  const LocalTask task = TaskOf(1, 8, true);
  LocalTask round = task, seed = task, client = task, batch = task;
  round.round = 2;
  seed.seed = 4;
  client.client = "b";
  batch.training.batch = 50;
  for (const LocalTask& other : {round, seed, client}) EXPECT_NE(order(other), order(task));
  EXPECT_EQ(order(batch), order(task)) << "the batches' size does not matter";
}

// Which numbers a batch was given to augment with.
class Augmented : public MemorySamples {
 public:
  Augmented() : MemorySamples(Modality::kImage, {TinyImages(6), {}, TinyLabels(6)}) {}
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& changes,
                               RandomStream* stream) const override {
    EXPECT_EQ(changes.rotation, 15);
    EXPECT_NE(stream, nullptr);
    auto batch = MemorySamples::Gather(rows, changes, nullptr);
    for (size_t i = 0; i < rows.size(); ++i) {
      batch->labels.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(stream->Below(1000));
    }
    return batch;
  }
};

TEST(BatchQueueTest, AugmentationHasAStreamOfItsOwnDrawnInTheOrderOfTheBatches) {
  const Augmented samples;
  for (const bool shuffle : {true, false}) {
    LocalTask task = TaskOf(1, 4, shuffle);
    task.training.augmentations.rotation = 15;
    BatchQueue queue(samples, task, kWholeTable);
    RandomStream twin(3, "augment", 1, "a");
    for (const int64_t drawn : Epoch(&queue)) {
      EXPECT_EQ(drawn, static_cast<int64_t>(twin.Below(1000)));
    }
  }
}

}  // namespace
}  // namespace tributary
