// Schema: what all owners of one dataset must agree on, so that their labels mean the same and
// their images look the same to the model. `tributary schema` writes one as a file, `tributary
// prepare
// --schema` makes shards by it, shards carry what it says, and a coordinator compares it at Join.
//
//   {"tributary_schema": 1, "dataset": "scans", "modality": "image",
//    "classes": ["normal", "pneumonia"],
//    "image": {"size": 224, "channels": 1, "mean": [0.5], "deviation": [0.5]},
//    "text": {"max_tokens": 40, "vocabulary": "SHA-256"}}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/data/shard.h"
#include "common/model/model_spec.h"

namespace tributary {

struct Schema {
  std::string dataset{};  // as run files call it
  Modality modality = Modality::kPair;
  std::vector<std::string> classes{};      // names, by label; empty for pairs
  int64_t image_size = 0;                  // side at training resolution; 0 for texts
  int64_t channels = 0;                    // of a training image: 1 or 3; 0 for texts
  std::vector<float> mean{}, deviation{};  // of the images' normalisation, by channel
  // What texts become; 0 and empty where the schema leaves it to the run.
  int64_t max_tokens = 0;
  std::string vocabulary{};  // SHA-256 of the vocabulary file
};

// What a shard was made by.
Schema SchemaOf(const ShardInfo& info);

// InvalidArgument where a value is out of range or missing: names the key, what was found and what
// was expected.
absl::Status CheckSchema(const Schema& schema);

nlohmann::json SchemaToJson(const Schema& schema);
// InvalidArgument that names `path`, the key, what was found and what was expected.
absl::StatusOr<Schema> ReadSchema(const std::string& path);

// SHA-256 of what counts for samples: all but max_tokens and vocabulary, which shards do not depend
// on.
std::string SchemaDigest(const Schema& schema);

// OK if both number the same classes in the same order; else FailedPrecondition whose message holds
// both lists, shortened around the first difference where they are long. `ours`, `theirs`: what to
// call the two.
absl::Status CheckSameClasses(absl::Span<const std::string> our_classes, absl::string_view ours,
                              absl::Span<const std::string> their_classes,
                              absl::string_view theirs);

}  // namespace tributary
