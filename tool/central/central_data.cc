#include "tool/central/central_data.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/dataset_layout.h"
#include "common/train/shard_samples.h"
#include "common/train/united_samples.h"

namespace tributary {
namespace {

// A run's clients are checked when they join; here nobody joins.
absl::Status CheckAgrees(const std::string& path, const ShardInfo& train, const ShardInfo& test) {
  const auto differs = [&](absl::string_view what, const auto& found, const auto& expected) {
    return absl::FailedPreconditionError(absl::StrCat(path, " has ", what, " ", found,
                                                      ", the dataset's test shard ", expected,
                                                      "; prepare both together"));
  };
  if (train.dataset != test.dataset) return differs("dataset", train.dataset, test.dataset);
  if (train.modality != test.modality) {
    return differs("modality", ModalityName(train.modality), ModalityName(test.modality));
  }
  if (train.classes != test.classes) {
    return differs("classes (by number)", train.classes.size(), test.classes.size());
  }
  if (train.image_size != test.image_size) {
    return differs("image size", train.image_size, test.image_size);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Shard>> OpenChecked(const std::string& path,
                                                         const ShardInfo& test) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Shard> shard, Shard::Open(path));
  RETURN_IF_ERROR(shard->Verify());
  RETURN_IF_ERROR(CheckAgrees(path, shard->info(), test));
  return shard;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Samples>> OpenAllClients(
    const DatasetConfig& dataset, const ShardInfo& test, int64_t max_tokens,
    const std::shared_ptr<const Tokenizer>& tokenizer, int threads) {
  std::vector<std::unique_ptr<Samples>> clients;
  for (int i = 0; i < dataset.clients; ++i) {
    auto shard = OpenChecked(absl::StrCat(dataset.path, "/", TrainShardOf(i)), test);
    if (!shard.ok()) return Annotate(shard.status(), absl::StrCat("dataset ", dataset.name));
    ASSIGN_OR_RETURN(std::unique_ptr<Samples> samples,
                     MakeShardSamples(*std::move(shard), tokenizer, max_tokens, threads));
    clients.push_back(std::move(samples));
  }
  return std::make_unique<UnitedSamples>(std::move(clients));
}

}  // namespace tributary
