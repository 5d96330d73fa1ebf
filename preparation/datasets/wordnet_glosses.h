// wordnet-glosses: the glosses of WordNet's nouns, classified by their lexicographer file (26
// classes: noun.act, noun.animal ...).
#pragma once

#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: a folder with usr/share/wordnet/data.noun. NotFound names the package; a line that
// is not of WordNet's format (wndb(5WN)) is skipped and listed.
absl::StatusOr<SampleSet> ReadWordnetGlosses(const DatasetSource& source);

}  // namespace tributary
