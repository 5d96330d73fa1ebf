// The coordinator's own data: the test shard of each dataset, the vocabulary, the method's public
// set.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/run_config.h"
#include "common/data/schema.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "server/evaluation/evaluator.h"
#include "server/registry/run_context.h"

namespace tributary {

struct HeldOut {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::map<std::string, std::shared_ptr<const Shard>> shards;  // by dataset; none where only
                                                               // clients evaluate
  std::map<std::string, Schema> schemas;                       // by dataset
  std::shared_ptr<const Shard> public_set;                     // null unless the method needs one
};

// Opens <path>/test/test.shard of every dataset, unless only clients evaluate, its schema, and the
// public set. Errors name the dataset or
// key, the file, and what to do: NotFound, DataLoss, FailedPrecondition where a shard does not fit
// the run file. Reads no samples yet: MakeEvaluator() and MakePublicSet() verify them all.
absl::StatusOr<HeldOut> OpenHeldOut(const RunConfig& config);

// The context of a run on these data.
absl::StatusOr<RunContext> ContextOf(const RunConfig& config, const HeldOut& held_out);

absl::StatusOr<std::unique_ptr<Evaluator>> MakeEvaluator(const RunContext& context,
                                                         const HeldOut& held_out);

// Null where there is no public set.
absl::StatusOr<std::shared_ptr<const Samples>> MakePublicSet(const RunConfig& config,
                                                             const HeldOut& held_out);

}  // namespace tributary
