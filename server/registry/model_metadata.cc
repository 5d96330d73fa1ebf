#include "server/registry/model_metadata.h"

namespace tributary {

FileMetadata MetadataOf(const DatasetContext& dataset) {
  FileMetadata metadata = ModelMetadata(dataset.spec, dataset.config.modality);
  AddDataMetadata({.class_names = dataset.schema.classes,
                   .mean = dataset.schema.mean,
                   .deviation = dataset.schema.deviation},
                  &metadata);
  return metadata;
}

}  // namespace tributary
