// How projects name the tensors of their models: one row for each naming convention.
//
// A convention is recognised by names that only it has, wherever they stand: what precedes them in
// the file ("module.", "vit.", "visual.trunk.") is the prefix of the whole model. A row's rules
// then say what becomes of each tensor behind the prefix. A tensor of a block without a rule
// refuses the file, for a block that has one more part computes something else; a tensor outside of
// the blocks without a rule is a head or another tower and is skipped.
// docs/pretrained-weights.md has the table for users.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tributary {

// What becomes of a tensor.
enum class TakeStep {
  kTake,        // it is `ours`, as it stands
  kQuery,       // first third of the rows of `ours`
  kKey,         // second third
  kValue,       // last third
  kScale,       // LayerScale: a factor on each row of the module `ours`, into which it is folded
  kInstead,     // as kTake, where no other tensor is taken for `ours`; `note` says what differs
  kExtraToken,  // a token beside the class token: left out, with a note
  kLeftOut,     // no part of the features, such as masks of the pretraining
  kCannotBeComputed,  // the model has nothing like it; `note` says what it is
};

// `theirs` and `ours` may end in *, which stands for the same text in both ("norm1.*").
struct TakeRule {
  absl::string_view theirs;
  TakeStep step;
  absl::string_view ours = "";
  absl::string_view note = "";
};

struct Convention {
  absl::string_view name;       // for messages
  absl::string_view anchor;     // recognised by this tensor
  absl::string_view beside;     // and this one under the same prefix; may be empty
  absl::string_view component;  // what `ours` of `outer` begins with
  absl::Span<const TakeRule> outer;
  // Where blocks stand, with # for the number; rules for what follows.
  absl::Span<const absl::string_view> block_prefixes;
  absl::Span<const TakeRule> block;
  // What such models compute with, where neither file nor config.json says so.
  absl::string_view activation;
  double norm_eps;
};

// Of image transformers and of text embeddings.
absl::Span<const Convention> ImageConventions();
absl::Span<const Convention> TextConventions();

// The rule for a name (its prefix removed), and what * stood for. Null if there is none.
const TakeRule* FindRule(absl::Span<const TakeRule> rules, absl::string_view name,
                         absl::string_view* rest);

}  // namespace tributary
