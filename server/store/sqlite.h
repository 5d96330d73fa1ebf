// A statement of SQLite as a value: bound, stepped and finalised without leaks.
#pragma once

#include <cstdint>
#include <string>

#include <sqlite3.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// The error that `database` is in, with the absl code that fits: full disk -> ResourceExhausted,
// read-only
// -> PermissionDenied, damaged -> DataLoss, else Internal.
absl::Status SqliteStatus(sqlite3* database, absl::string_view what);

// Runs statements without results.
absl::Status SqliteExecute(sqlite3* database, const char* sql);

class SqliteStatement {
 public:
  static absl::StatusOr<SqliteStatement> Prepare(sqlite3* database, absl::string_view sql);
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement() { sqlite3_finalize(statement_); }

  // Parameters are numbered from 1 in the order of the calls.
  SqliteStatement& Bind(int64_t value);
  SqliteStatement& Bind(double value);
  SqliteStatement& Bind(absl::string_view value);

  // True if there is a row to read, false at the end.
  absl::StatusOr<bool> Step();
  // For statements without results.
  absl::Status Run();

  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double Real(int column) const { return sqlite3_column_double(statement_, column); }
  std::string Text(int column) const;

 private:
  SqliteStatement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

}  // namespace tributary
