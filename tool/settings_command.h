// `tributary settings`: every key of run files with its default, values and meaning, as the
// Markdown tables of docs/run-file.md.
#pragma once

#include "absl/status/status.h"

namespace tributary {

absl::Status PrintSettings();

}  // namespace tributary
