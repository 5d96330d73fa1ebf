// Samples of a prepared shard: texts are tokenised once, images decoded (where the shard holds
// originals) and turned into floats as they are asked for.
//
// Gather() prepares the images of a batch on several threads, with the same result for any number
// of them; it is DataLoss, with shard and row, where an original cannot be decoded.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"

namespace tributary {

class Samples;

// Reads and checks the whole shard (DataLoss names the damaged block). Texts are truncated and
// padded to `max_tokens`. `tokenizer` may be null where the shard has no texts. `threads`: of
// each Gather(), at least 1.
absl::StatusOr<std::unique_ptr<Samples>> MakeShardSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int threads = 1);

// Samples of a public set: the first `rows` of a pair shard, normalised with ImageNet's
// means and deviations, whatever the shard says. Checked as above; FailedPrecondition for a shard
// that holds no pairs, fewer than `rows` of them, or images of other than three channels. Source:
// golden/image_normalise.
absl::StatusOr<std::unique_ptr<Samples>> MakePublicSamples(
    std::shared_ptr<const Shard> shard, const std::shared_ptr<const Tokenizer>& tokenizer,
    int64_t max_tokens, int64_t rows, int threads = 1);

}  // namespace tributary
