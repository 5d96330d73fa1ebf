// The manifest of a preparation: from what, how, and what came out.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "preparation/datasets/sample_set.h"
#include "preparation/prepare.h"

namespace tributary {

// Everything that the shards' bytes depend on but the source: two preparations of one recipe and
// one source are the same.
nlohmann::json RecipeOf(const PrepareOptions& options, const DatasetReader& reader);

// SHA-256 over the recipe and the list of samples: what the reader found, the read files'
// checksums, and the images' names and sizes. Images are not read.
std::string FingerprintOf(const nlohmann::json& recipe, const SampleSet& set);

// The manifest in folder `out`; null if there is none that can be read.
nlohmann::json ReadManifest(const std::string& out);

// True if `out` holds each shard that `manifest` lists, with the digest that is noted for it. Reads
// the shards' indexes alone; Shard::Verify() reads the rest.
bool FilesAreThere(const nlohmann::json& manifest, const std::string& out);

}  // namespace tributary
