// How a program ends: what it says of an error, and its exit code.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tributary {

// Prints an error's message to standard error after the program's name, and with `json` as
// {"kind": "error", "message": ...} to standard output too. Returns the exit code that `status`
// stands for; prints nothing if it is OK.
int ReportEnd(absl::string_view program, const absl::Status& status, bool json);

}  // namespace tributary
