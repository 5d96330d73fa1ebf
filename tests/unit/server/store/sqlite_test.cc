#include "server/store/sqlite.h"

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() { Reopen(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); }
  ~SqliteTest() override { sqlite3_close(database_); }

  void Reopen(int flags) {
    sqlite3_close(database_);
    ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &database_, flags, nullptr), SQLITE_OK);
  }
  void Execute(const char* sql) {
    const absl::Status status = SqliteExecute(database_, sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  SqliteStatement Prepare(absl::string_view sql) {
    auto statement = SqliteStatement::Prepare(database_, sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    return *std::move(statement);
  }
  absl::Status Error(const char* sql) { return SqliteExecute(database_, sql); }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "x.db";
  sqlite3* database_ = nullptr;
};

TEST_F(SqliteTest, ValuesOfEveryKindComeBack) {
  Execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT)");
  SqliteStatement insert = Prepare("INSERT INTO t VALUES (?, ?, ?)");
  const std::string text("a'\0\"b;", 6);
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  ASSERT_TRUE(insert.Bind(kLeast).Bind(0.1).Bind(text).Run().ok());
  SqliteStatement select = Prepare("SELECT i, r, s FROM t");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Integer(0), kLeast);
  EXPECT_EQ(select.Real(1), 0.1);
  EXPECT_EQ(select.Text(2), text);
  EXPECT_FALSE(*select.Step());
}

TEST_F(SqliteTest, RowsComeOneAfterTheOther) {
  Execute("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (3), (1), (2)");
  SqliteStatement select = Prepare("SELECT i FROM t WHERE i > ? ORDER BY i");
  select.Bind(int64_t{1});
  std::vector<int64_t> rows;
  while (*select.Step()) rows.push_back(select.Integer(0));
  EXPECT_THAT(rows, ElementsAre(2, 3));
}

TEST_F(SqliteTest, NullReadsAsNothing) {
  SqliteStatement select = Prepare("SELECT NULL, ''");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Text(0), "");
  EXPECT_EQ(select.Text(1), "");
  EXPECT_EQ(select.Integer(0), 0);
  EXPECT_EQ(select.Real(0), 0);
}

TEST_F(SqliteTest, WhatIsBoundNeedNotOutliveTheCall) {
  Execute("CREATE TABLE t (s TEXT)");
  SqliteStatement insert = Prepare("INSERT INTO t VALUES (?)");
  {
    std::string text(1000, 'x');
    insert.Bind(text);
    text.assign(1000, 'y');
  }
  ASSERT_TRUE(insert.Run().ok());
  SqliteStatement select = Prepare("SELECT s FROM t");
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Text(0), std::string(1000, 'x'));
}

TEST_F(SqliteTest, AMovedStatementGoesOnWhereItWas) {
  SqliteStatement first = Prepare("SELECT ?, ?");
  first.Bind(int64_t{1});
  SqliteStatement second(std::move(first));
  second.Bind(int64_t{2});
  ASSERT_TRUE(*second.Step());
  EXPECT_EQ(second.Integer(0), 1);
  EXPECT_EQ(second.Integer(1), 2);
}

TEST_F(SqliteTest, AStatementMayBeAPieceOfAText) {
  const absl::string_view text = "SELECT 7 and more that is no SQL";
  SqliteStatement select = Prepare(text.substr(0, 8));
  ASSERT_TRUE(*select.Step());
  EXPECT_EQ(select.Integer(0), 7);
}

TEST_F(SqliteTest, WrongSqlIsInternalAndSaysWhere) {
  const absl::Status status = SqliteStatement::Prepare(database_, "SELEKT 1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("SELEKT"));
  EXPECT_EQ(Error("SELECT x FROM none").code(), absl::StatusCode::kInternal);
}

TEST_F(SqliteTest, ARowThatIsThereAlreadyIsInternal) {
  Execute("CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  SqliteStatement insert = Prepare("INSERT INTO t VALUES (1)");
  EXPECT_EQ(insert.Run().code(), absl::StatusCode::kInternal);
}

TEST_F(SqliteTest, AFullDiskIsResourceExhausted) {
  // SQLite's own bound on pages fails with the same code as the disk.
  Execute("PRAGMA max_page_count = 3; CREATE TABLE t (s TEXT)");
  SqliteStatement insert = Prepare("INSERT INTO t VALUES (?)");
  const absl::Status status = insert.Bind(std::string(100'000, 'x')).Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(SqliteTest, ADatabaseThatMayNotBeWrittenIsPermissionDenied) {
  Execute("CREATE TABLE t (i INTEGER)");
  Reopen(SQLITE_OPEN_READONLY);
  EXPECT_EQ(Error("INSERT INTO t VALUES (1)").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SqliteTest, AFileThatCannotBeOpenedIsPermissionDenied) {
  sqlite3* other = nullptr;
  ASSERT_NE(sqlite3_open(scratch_.path().c_str(), &other), SQLITE_OK);
  const absl::Status status = SqliteStatus(other, scratch_.path());
  sqlite3_close(other);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr(scratch_.path() + ": "));
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsDataLoss) {
  std::ofstream(path_, std::ios::trunc) << std::string(4096, 'x');
  Reopen(SQLITE_OPEN_READWRITE);
  EXPECT_EQ(Error("SELECT * FROM sqlite_master").code(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteTest, ADamagedPageIsDataLoss) {
  Execute("CREATE TABLE t (s TEXT)");
  SqliteStatement insert = Prepare("INSERT INTO t VALUES (?)");
  ASSERT_TRUE(insert.Bind(std::string(100, 'x')).Run().ok());
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);  // the table's page
    file << std::string(4096, '\x7f');
  }
  sqlite3* damaged = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &damaged), SQLITE_OK);
  const absl::Status status = SqliteExecute(damaged, "SELECT * FROM t");
  sqlite3_close(damaged);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

}  // namespace
}  // namespace tributary
