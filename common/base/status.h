// Small additions to absl::Status: exit codes, and errors of the operating system in words.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tributary {

// The exit codes of every program of the project.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,        // failed while running
  kExitUsage = 2,         // flags or run file
  kExitUnusable = 3,      // data or state unusable
  kExitNotPermitted = 4,  // refused for want of permission
};

// InvalidArgument -> usage; NotFound, DataLoss, FailedPrecondition, ResourceExhausted -> unusable;
// PermissionDenied and Unauthenticated -> not permitted; anything else -> failed.
ExitCode ExitCodeFor(const absl::Status& status);

// A status for `errno` value `error_number`: "<what>: <error in words>". ENOENT gives NotFound,
// EACCES, EPERM and EROFS PermissionDenied, ENOSPC and EDQUOT ResourceExhausted, the rest Internal.
absl::Status ErrnoStatus(int error_number, absl::string_view what);

// `status` with "<context>: " in front of its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace tributary
