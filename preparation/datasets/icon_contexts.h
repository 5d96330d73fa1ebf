// icon-contexts: images, classified by the freedesktop context of their icon, out of the theme
// breeze, which icon-names does not use.
#pragma once

#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: a folder with usr/share/icons. NotFound names the theme's package.
absl::StatusOr<SampleSet> ReadIconContexts(const DatasetSource& source);

}  // namespace tributary
