// models.json of a state folder: what a reader of the run's models needs beside their tensors.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/model/model_file.h"
#include "server/registry/run_context.h"

namespace tributary {

// By dataset, the metadata of its global model's file (common/model/model_file.h): the model's
// shape, and of its schema the names of classes and how images are normalised.
std::map<std::string, FileMetadata> ModelCards(const RunContext& context);

// Writes them as models.json into `folder`, where `tributary export` finds them while the run goes
// on: checkpoints hold tensors alone.
absl::Status WriteModelCards(const std::string& folder, const RunContext& context);

}  // namespace tributary
