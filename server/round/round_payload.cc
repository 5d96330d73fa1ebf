#include "server/round/round_payload.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/aggregation/upload.h"

namespace tributary {
namespace {

int64_t MostUpload(const DatasetContext& dataset) {
  return static_cast<int64_t>(MostUploadBytes(static_cast<uint64_t>(dataset.upload.ElementCount()),
                                              dataset.upload.tensors.size()));
}

}  // namespace

absl::StatusOr<std::vector<EncodedState::Source>> DownloadOf(const DatasetContext& dataset,
                                                             const ModelSet& models) {
  const StateDict& global = models.globals.at(dataset.config.name);
  const auto auxiliary = models.auxiliary.find(dataset.config.name);
  std::vector<EncodedState::Source> download;
  for (const TensorSpec& spec : dataset.download.tensors) {
    const Tensor* tensor = global.Find(spec.name);
    if (tensor == nullptr && auxiliary != models.auxiliary.end()) {
      tensor = auxiliary->second.Find(spec.name);
    }
    if (tensor == nullptr) {
      return absl::InternalError(
          absl::StrCat("dataset ", dataset.config.name, ": the models lack tensor ", spec.name));
    }
    download.push_back({spec, tensor->values});
  }
  return download;
}

int64_t LargestUpload(const RunContext& context) {
  int64_t largest = 0;
  for (const auto& [name, dataset] : context.datasets) {
    largest = std::max(largest, MostUpload(dataset));
  }
  return largest;
}

int64_t UploadsOf(const std::vector<CohortMember>& cohort, const RunContext& context) {
  int64_t bytes = 0;
  for (const CohortMember& member : cohort) {
    bytes += MostUpload(context.datasets.at(member.dataset));
  }
  return bytes;
}

Target TargetOf(const DatasetContext& dataset, const MethodHooks& hooks) {
  Target target = {.dataset = dataset.config.name,
                   .modality = dataset.config.modality,
                   .manifest = dataset.plain};
  const std::vector<TensorSpec>& upload = dataset.upload.tensors;
  for (size_t i = dataset.plain.tensors.size(); i < upload.size(); ++i) {
    if (const auto weight = hooks.SummedWeight(dataset, upload[i].name); weight.has_value()) {
      target.summed.push_back({upload[i], *weight});
    } else {
      target.representations.push_back(upload[i]);
    }
  }
  return target;
}

}  // namespace tributary
