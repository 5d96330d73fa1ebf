// Overrides of a run file's keys, as --set gives them.
#pragma once

#include <string>

#include <toml++/toml.h>

#include "absl/status/status.h"

namespace tributary {

// Puts `text`, "key.path=value", in place of what `root` has under that key. The value is parsed as
// TOML, and taken as a string where that fails (method=fedavg). InvalidArgument if `text` is of
// another form or its path leads through a value that is no table.
absl::Status ApplyOverride(const std::string& text, toml::table* root);

}  // namespace tributary
