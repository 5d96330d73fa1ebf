// icon-public: image-text pairs for CreamFL's public set, out of the theme Numix, which no client's
// dataset uses.
#pragma once

#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: a folder with usr/share/icons. NotFound names the theme's package.
absl::StatusOr<SampleSet> ReadIconPublic(const DatasetSource& source);

}  // namespace tributary
