// Brings what a reader found under a schema (common/data/schema.h), so that one owner's shards mean
// the same as the others'.
#pragma once

#include "absl/status/status.h"
#include "common/data/schema.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

enum class UnknownLabels {
  kRefuse,  // a label that the schema does not name is an error
  kSkip,    // its samples are listed in SampleSet::skipped
};

// Numbers the labels by the schema's classes, of which `set` may hold none, and takes its channels
// and normalisation. FailedPrecondition where the modality differs or, under kRefuse, samples have
// a label outside the schema: the message names the labels with their counts.
absl::Status ApplySchema(const Schema& schema, UnknownLabels unknown, SampleSet* set);

}  // namespace tributary
