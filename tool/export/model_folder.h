// Models as folders that timm and transformers load.
//
// Both know one eps for all norms of a model, this project's models have two: 1e-5 in the blocks,
// 1e-6 in the last norm. The folders name the blocks'. What the last norm's eps changes is a factor
// of the features, 1 - 4.5e-6 / variance (docs/use-a-model.md says how to set it back).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tool/export/run_model.h"

namespace tributary {

// Writes config.json and model.safetensors into `folder`, which is created, for
// timm.create_model("local-dir:FOLDER", checkpoint_path="FOLDER/model.safetensors"). Returns the
// tensors as they were written. FailedPrecondition for a model without image parts; InvalidArgument
// for metadata that does not tell the model's shape.
absl::StatusOr<StateDict> WriteTimmFolder(const RunModel& model, const std::string& folder);

// The same for transformers, with preprocessor_config.json: ViTForImageClassification, or ViTModel
// for the image parts of a pair model.
absl::StatusOr<StateDict> WriteTransformersFolder(const RunModel& model, const std::string& folder);

}  // namespace tributary
