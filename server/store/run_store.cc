#include "server/store/run_store.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"
#include "server/store/sqlite.h"

namespace tributary {
namespace {

constexpr int kSchemaVersion = 2;

constexpr char kSchema[] = R"(
  PRAGMA user_version = 2;
  CREATE TABLE IF NOT EXISTS run (run_id TEXT, name TEXT, fingerprint TEXT);
  CREATE TABLE IF NOT EXISTS rounds (
    round INTEGER PRIMARY KEY, attempt INTEGER, unix_ms INTEGER, seconds REAL, bytes_up INTEGER,
    bytes_down INTEGER, model_hash TEXT, tasks TEXT, updates TEXT);
  CREATE TABLE IF NOT EXISTS files (round INTEGER, name TEXT, checksum TEXT, PRIMARY KEY (round, name));
  CREATE TABLE IF NOT EXISTS transitions (
    sequence INTEGER PRIMARY KEY, unix_ms INTEGER, round INTEGER, attempt INTEGER, phase TEXT,
    reason TEXT);
)";

// Version 1 had SHA-256 in place of XXH3 checksums. Its rows are told apart by their length.
constexpr char kUpgrade[] = "ALTER TABLE files RENAME COLUMN sha256 TO checksum;";
constexpr size_t kSha256Characters = 64;

constexpr absl::string_view kGlobalSuffix = ".safetensors";
// No dataset has an @ or a + in its name, so that none is taken for what belongs to another.
constexpr absl::string_view kAuxiliarySuffix = "@auxiliary.safetensors";
constexpr absl::string_view kPublishedSuffix = ".published.chunks";
constexpr char kStateMark = '+';  // not the same: a dataset may be named "auxiliary"

// While it lives, a transaction returns only once it is on the disk, with all before it.
class SyncedTransactions {
 public:
  explicit SyncedTransactions(sqlite3* database) : database_(database) { Set("FULL"); }
  ~SyncedTransactions() { Set("NORMAL"); }
  SyncedTransactions(const SyncedTransactions&) = delete;
  SyncedTransactions& operator=(const SyncedTransactions&) = delete;

 private:
  void Set(absl::string_view mode) const {
    // Only sets a flag of the connection, so it cannot fail on the disk.
    SqliteExecute(database_, absl::StrCat("PRAGMA synchronous = ", mode).c_str()).IgnoreError();
  }
  sqlite3* const database_;
};

std::string ChecksumText(uint64_t checksum) {
  return absl::StrCat(absl::Hex(checksum, absl::kZeroPad16));
}

// DataLoss if the file's checksum is not the one that was committed.
absl::Status CheckFile(const std::string& path, const std::string& expected) {
  std::string found;
  if (expected.size() == kSha256Characters) {
    ASSIGN_OR_RETURN(found, Sha256OfFile(path));
  } else {
    ASSIGN_OR_RETURN(const uint64_t checksum, ChecksumOfFile(path));
    found = ChecksumText(checksum);
  }
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, " is damaged: its checksum is ", found, ", expected ", expected,
                   "; restore the state folder from a backup or start the run in a new one"));
}

// The values of a column of `round` that holds JSON. DataLoss if it is not as it was written.
template <typename Values>
absl::StatusOr<Values> ReadColumn(const SqliteStatement& statement, int column, int round,
                                  absl::StatusOr<Values> (*read)(const nlohmann::json&)) {
  const nlohmann::json json = nlohmann::json::parse(statement.Text(column), nullptr, false);
  absl::StatusOr<Values> values = read(json);
  if (values.ok()) return values;
  return absl::DataLossError(
      absl::StrCat("run.db: round ", round, ": ", values.status().message(),
                   "; restore the state folder from a backup or start the run in a new one"));
}

absl::StatusOr<int> LockFolder(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/lock");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(
        absl::StrCat("state folder ", folder,
                     " is in use by another coordinator; stop that one or give "
                     "this one a folder of its own with --state"));
  }
  return fd;
}

}  // namespace

std::string StateKey(absl::string_view hook, absl::string_view target) {
  return absl::StrCat(hook, std::string(1, kStateMark), target);
}

absl::StatusOr<std::unique_ptr<RunStore>> RunStore::Open(const std::string& folder) {
  RETURN_IF_ERROR(Annotate(EnsureWritableFolder(folder), "state"));
  ASSIGN_OR_RETURN(const int lock_fd, LockFolder(folder));
  std::unique_ptr<RunStore> store(new RunStore(folder, lock_fd));
  RETURN_IF_ERROR(Annotate(store->OpenDatabase(), absl::StrCat("state folder ", folder)));
  RETURN_IF_ERROR(store->RemoveUnnamedCheckpoints());
  return store;
}

RunStore::~RunStore() {
  sqlite3_close(database_);
  close(lock_fd_);
}

absl::Status RunStore::OpenDatabase() {
  const std::string path = absl::StrCat(folder_, "/run.db");
  if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) return SqliteStatus(database_, path);
  int version = 0;
  {
    ASSIGN_OR_RETURN(SqliteStatement statement,
                     SqliteStatement::Prepare(database_, "PRAGMA user_version"));
    RETURN_IF_ERROR(statement.Step().status());
    version = static_cast<int>(statement.Integer(0));
  }
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("run.db has schema version ", version,
                                                      "; this build reads up to ", kSchemaVersion));
  }
  if (version == 1) RETURN_IF_ERROR(SqliteExecute(database_, kUpgrade));
  // NORMAL: transitions are not synced one by one; they reach the disk with the next commit, which
  // is (SyncedTransactions). A crash of the machine may lose them; nothing depends on them.
  RETURN_IF_ERROR(
      SqliteExecute(database_, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"));
  return SqliteExecute(database_, kSchema);
}

absl::StatusOr<std::optional<RunIdentity>> RunStore::Identity() const {
  ASSIGN_OR_RETURN(
      SqliteStatement statement,
      SqliteStatement::Prepare(database_, "SELECT run_id, name, fingerprint FROM run"));
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::optional<RunIdentity>();
  return RunIdentity{statement.Text(0), statement.Text(1), statement.Text(2)};
}

absl::Status RunStore::SetIdentity(const RunIdentity& identity) {
  const SyncedTransactions synced(database_);
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   SqliteStatement::Prepare(database_, "INSERT INTO run VALUES (?, ?, ?)"));
  return statement.Bind(identity.run_id).Bind(identity.name).Bind(identity.fingerprint).Run();
}

absl::Status RunStore::RecordTransition(absl::Time when, int round, int attempt,
                                        absl::string_view phase, absl::string_view reason) {
  ASSIGN_OR_RETURN(
      SqliteStatement statement,
      SqliteStatement::Prepare(database_,
                               "INSERT INTO transitions (unix_ms, round, attempt, phase, reason) "
                               "VALUES (?, ?, ?, ?, ?)"));
  return statement.Bind(absl::ToUnixMillis(when))
      .Bind(int64_t{round})
      .Bind(int64_t{attempt})
      .Bind(phase)
      .Bind(reason)
      .Run();
}

std::string RunStore::CheckpointFolder(int round) const {
  return absl::StrFormat("%s/checkpoints/round-%06d", folder_, round);
}

absl::Status RunStore::WriteState(int round, const std::string& name, const StateDict& state,
                                  PendingTensors* pending, StagedModels* staged) const {
  auto file = std::make_unique<AtomicFile>(absl::StrCat(CheckpointFolder(round), "/", name),
                                           absl::StrCat(SpareFolder(), "/", name));
  RETURN_IF_ERROR(AppendSafetensors(state, {{"round", absl::StrCat(round)}}, pending, file.get()));
  staged->checksums[name] = file->checksum();
  staged->unsynced.push_back(std::move(file));
  return absl::OkStatus();
}

absl::StatusOr<StagedModels> RunStore::StageGlobals(int round,
                                                    const std::map<std::string, StateDict>& globals,
                                                    PendingTensors* pending) const {
  const std::string folder = CheckpointFolder(round);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot create ", folder));
  StagedModels staged;
  for (const auto& [target, state] : globals) {
    RETURN_IF_ERROR(
        WriteState(round, absl::StrCat(target, kGlobalSuffix), state, pending, &staged));
  }
  return staged;
}

absl::Status RunStore::WriteRest(int round, const ModelSet& models, StagedModels* staged) const {
  for (const auto& [target, state] : models.auxiliary) {
    RETURN_IF_ERROR(
        WriteState(round, absl::StrCat(target, kAuxiliarySuffix), state, nullptr, staged));
  }
  for (const auto& [key, state] : models.state) {
    RETURN_IF_ERROR(WriteState(round, absl::StrCat(key, kGlobalSuffix), state, nullptr, staged));
  }
  for (const auto& [target, published] : models.published) {
    const std::string name = absl::StrCat(target, kPublishedSuffix);
    RETURN_IF_ERROR(published->Save(absl::StrCat(CheckpointFolder(round), "/", name),
                                    &staged->checksums[name],
                                    absl::StrCat(SpareFolder(), "/", name)));
  }
  for (const std::unique_ptr<AtomicFile>& file : std::exchange(staged->unsynced, {})) {
    RETURN_IF_ERROR(std::move(*file).Commit());
  }
  return absl::OkStatus();
}

absl::Status RunStore::InsertRound(const RoundRecord& record,
                                   const std::map<std::string, uint64_t>& checksums,
                                   absl::Time when) {
  const SyncedTransactions synced(database_);
  RETURN_IF_ERROR(SqliteExecute(database_, "BEGIN IMMEDIATE"));
  // After COMMIT there is no transaction: SQLite returns an error, which is ignored.
  absl::Cleanup roll_back = [this] {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  };
  {
    ASSIGN_OR_RETURN(SqliteStatement statement,
                     SqliteStatement::Prepare(
                         database_, "INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    RETURN_IF_ERROR(statement.Bind(int64_t{record.round})
                        .Bind(int64_t{record.attempt})
                        .Bind(absl::ToUnixMillis(when))
                        .Bind(record.seconds)
                        .Bind(static_cast<int64_t>(record.bytes_up))
                        .Bind(static_cast<int64_t>(record.bytes_down))
                        .Bind(record.model_hash)
                        .Bind(TasksToJson(record.tasks).dump())
                        .Bind(UpdatesToJson(record.updates).dump())
                        .Run());
  }
  for (const auto& [name, checksum] : checksums) {
    ASSIGN_OR_RETURN(SqliteStatement statement,
                     SqliteStatement::Prepare(database_, "INSERT INTO files VALUES (?, ?, ?)"));
    RETURN_IF_ERROR(
        statement.Bind(int64_t{record.round}).Bind(name).Bind(ChecksumText(checksum)).Run());
  }
  ASSIGN_OR_RETURN(SqliteStatement forget,
                   SqliteStatement::Prepare(database_, "DELETE FROM files WHERE round <= ?"));
  RETURN_IF_ERROR(forget.Bind(int64_t{record.round - checkpoints_kept_}).Run());
  return SqliteExecute(database_, "COMMIT");
}

absl::StatusOr<StagedModels> RunStore::Stage(int round, const ModelSet& models) {
  return StageRest(round, models, StageGlobals(round, models.globals));
}

absl::StatusOr<StagedModels> RunStore::StageRest(int round, const ModelSet& models,
                                                 absl::StatusOr<StagedModels> globals) {
  absl::Status status = globals.status();
  if (status.ok()) status = WriteRest(round, models, &*globals);
  if (status.ok()) return globals;
  globals = status;  // closes the files
  // Frees what was written: the disk may be full, and the run goes on from the last commit.
  RemoveUnnamedCheckpoints().IgnoreError();
  std::error_code ignored;
  std::filesystem::remove_all(SpareFolder(), ignored);
  return Annotate(status, absl::StrCat("cannot commit round ", round));
}

absl::Status RunStore::Commit(const RoundRecord& record, const StagedModels& staged,
                              absl::Time when) {
  const absl::Status status = InsertRound(record, staged.checksums, when);
  absl::Status removed = RemoveUnnamedCheckpoints();
  RETURN_IF_ERROR(Annotate(status, absl::StrCat("cannot commit round ", record.round)));
  return removed;
}

absl::Status RunStore::Commit(const RoundRecord& record, const ModelSet& models, absl::Time when) {
  ASSIGN_OR_RETURN(const StagedModels staged, Stage(record.round, models));
  return Commit(record, staged, when);
}

absl::Status RunStore::RemoveUnnamedCheckpoints() const {
  ASSIGN_OR_RETURN(const std::set<int> rounds, Checkpoints());
  std::set<std::string> named;
  for (const int round : rounds) named.insert(CheckpointFolder(round));
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat(folder_, "/checkpoints"), error)) {
    if (named.contains(entry.path().string()) || entry.path() == SpareFolder()) continue;
    // Becomes the folder of spare files, in place of the old one if that is empty: a commit has
    // used its files up.
    std::error_code in_use;
    std::filesystem::rename(entry.path(), SpareFolder(), in_use);
    if (!in_use) continue;
    std::error_code ignored;  // tried again at the next commit
    std::filesystem::remove_all(SpareFolder(), ignored);
    std::filesystem::rename(entry.path(), SpareFolder(), ignored);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<int>> RunStore::LastRound() const {
  ASSIGN_OR_RETURN(
      SqliteStatement statement,
      SqliteStatement::Prepare(database_, "SELECT round FROM rounds ORDER BY round DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::optional<int>();
  return std::optional<int>(static_cast<int>(statement.Integer(0)));
}

absl::StatusOr<std::set<int>> RunStore::Checkpoints() const {
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   SqliteStatement::Prepare(database_, "SELECT DISTINCT round FROM files"));
  std::set<int> rounds;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rounds;
    rounds.insert(static_cast<int>(statement.Integer(0)));
  }
}

absl::StatusOr<ModelSet> RunStore::LoadLast() const {
  ASSIGN_OR_RETURN(const std::optional<int> round, LastRound());
  if (!round.has_value()) return absl::NotFoundError("the state folder holds no committed round");
  return Load(*round);
}

absl::StatusOr<ModelSet> RunStore::Load(int round) const {
  ASSIGN_OR_RETURN(
      SqliteStatement statement,
      SqliteStatement::Prepare(database_, "SELECT name, checksum FROM files WHERE round = ?"));
  statement.Bind(int64_t{round});
  ModelSet models;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return models;
    const std::string name = statement.Text(0);
    const std::string path = absl::StrCat(CheckpointFolder(round), "/", name);
    RETURN_IF_ERROR(CheckFile(path, statement.Text(1)));
    if (absl::EndsWith(name, kPublishedSuffix)) {
      const std::string target = name.substr(0, name.size() - kPublishedSuffix.size());
      ASSIGN_OR_RETURN(models.published[target], EncodedState::Load(path));
      continue;
    }
    ASSIGN_OR_RETURN(StateDict state, ReadSafetensors(path));
    if (absl::EndsWith(name, kAuxiliarySuffix)) {
      models.auxiliary[name.substr(0, name.size() - kAuxiliarySuffix.size())] = std::move(state);
    } else if (absl::StrContains(name, kStateMark)) {
      models.state[name.substr(0, name.size() - kGlobalSuffix.size())] = std::move(state);
    } else {
      models.globals[name.substr(0, name.size() - kGlobalSuffix.size())] = std::move(state);
    }
  }
}

absl::StatusOr<std::vector<RoundRecord>> RunStore::History() const {
  ASSIGN_OR_RETURN(
      SqliteStatement statement,
      SqliteStatement::Prepare(
          database_,
          "SELECT round, attempt, seconds, bytes_up, bytes_down, model_hash, tasks, updates "
          "FROM rounds WHERE round > 0 ORDER BY round"));
  std::vector<RoundRecord> history;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return history;
    RoundRecord record;
    record.round = static_cast<int>(statement.Integer(0));
    record.attempt = static_cast<int>(statement.Integer(1));
    record.seconds = statement.Real(2);
    record.bytes_up = static_cast<uint64_t>(statement.Integer(3));
    record.bytes_down = static_cast<uint64_t>(statement.Integer(4));
    record.model_hash = statement.Text(5);
    ASSIGN_OR_RETURN(record.tasks, ReadColumn(statement, 6, record.round, TasksFromJson));
    ASSIGN_OR_RETURN(record.updates, ReadColumn(statement, 7, record.round, UpdatesFromJson));
    history.push_back(std::move(record));
  }
}

}  // namespace tributary
