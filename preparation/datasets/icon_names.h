// icon-names: image-text pairs out of eight Debian icon themes; see icon_names.cc.
#pragma once

#include "preparation/datasets/sample_set.h"

namespace tributary {

// `source.root`: a folder with usr/share/icons, as packages unpack. NotFound names a theme's
// package.
absl::StatusOr<SampleSet> ReadIconNames(const DatasetSource& source);

}  // namespace tributary
