// Early return on errors, under the names that newer releases of Abseil use.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expr` is not OK.
#define RETURN_IF_ERROR(expr)                      \
  do {                                             \
    ::absl::Status status_macro_ = (expr);         \
    if (!status_macro_.ok()) return status_macro_; \
  } while (false)

// Assigns the value of the StatusOr `expr` to `lhs` (which may declare a variable), or returns its
// error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  TRIBUTARY_ASSIGN_OR_RETURN_(TRIBUTARY_CONCAT_(status_or_, __LINE__), lhs, expr)

#define TRIBUTARY_CONCAT_INNER_(a, b) a##b
#define TRIBUTARY_CONCAT_(a, b) TRIBUTARY_CONCAT_INNER_(a, b)
#define TRIBUTARY_ASSIGN_OR_RETURN_(temporary, lhs, expr)    \
  auto temporary = (expr);                                   \
  if (!temporary.ok()) return std::move(temporary).status(); \
  lhs = std::move(temporary).value()
