// What a file of a dataset's global model says of it.
#pragma once

#include "common/model/model_file.h"
#include "server/registry/run_context.h"

namespace tributary {

// The model's shape, and of the schema the names of classes and how images are normalised.
FileMetadata MetadataOf(const DatasetContext& dataset);

}  // namespace tributary
