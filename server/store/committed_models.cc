#include "server/store/committed_models.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"
#include "server/store/sqlite.h"

namespace tributary {
namespace {

constexpr int64_t kSchemaVersion = 2;  // as server/store/run_store.cc writes it
constexpr absl::string_view kGlobalSuffix = ".safetensors";
constexpr int kAttempts = 5;       // rounds that a reader of the last one may miss
constexpr int kWaitMillis = 5000;  // for a coordinator that holds the database

std::string DatabaseOf(const std::string& folder) { return folder + "/run.db"; }

class Reader {
 public:
  static absl::StatusOr<Reader> Open(const std::string& folder) {
    Reader reader(folder);
    const std::string path = DatabaseOf(folder);
    // SQLite writes beside a database of this kind even to read it, unless it is told that nobody
    // changes it. A coordinator has its log open all the time: without one there is none.
    std::error_code error;
    const bool alone = access(folder.c_str(), W_OK) != 0 &&
                       !std::filesystem::exists(absl::StrCat(path, "-wal"), error);
    const std::string uri =
        absl::StrCat("file:", absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}}),
                     alone ? "?immutable=1" : "");
    if (sqlite3_open_v2(uri.c_str(), &reader.database_, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                        nullptr) != SQLITE_OK) {
      return SqliteStatus(reader.database_, path);
    }
    sqlite3_busy_timeout(reader.database_, kWaitMillis);
    ASSIGN_OR_RETURN(const std::vector<int64_t> version, reader.Numbers("PRAGMA user_version"));
    if (version.empty() || version.front() != kSchemaVersion) {
      return absl::FailedPreconditionError(absl::StrCat(path, " has schema version ",
                                                        version.empty() ? 0 : version.front(),
                                                        "; this build reads ", kSchemaVersion));
    }
    return reader;
  }
  Reader(Reader&& other) noexcept
      : folder_(std::move(other.folder_)), database_(std::exchange(other.database_, nullptr)) {}
  Reader& operator=(Reader&&) = delete;
  ~Reader() { sqlite3_close(database_); }

  absl::StatusOr<std::optional<int>> LastRound() const {
    ASSIGN_OR_RETURN(const std::vector<int64_t> rounds,
                     Numbers("SELECT round FROM rounds ORDER BY round DESC LIMIT 1"));
    if (rounds.empty()) return std::optional<int>();
    return std::optional<int>(static_cast<int>(rounds.front()));
  }

  absl::StatusOr<CommittedModel> Read(const std::string& dataset, int round,
                                      const std::function<void()>& when_read) const {
    ASSIGN_OR_RETURN(const std::optional<std::string> checksum, ChecksumOf(dataset, round));
    if (!checksum.has_value()) return Missing(dataset, round);
    const std::string path =
        absl::StrFormat("%s/checkpoints/round-%06d/%s%s", folder_, round, dataset, kGlobalSuffix);
    absl::StatusOr<StateDict> global = ReadChecked(path, *checksum);
    when_read();
    ASSIGN_OR_RETURN(const std::optional<std::string> still, ChecksumOf(dataset, round));
    if (!still.has_value()) {
      return absl::AbortedError(
          absl::StrCat("the checkpoint of round ", round, " in ", folder_,
                       " was dropped while it was read: the run goes on and keeps its newest; "
                       "export a newer round"));
    }
    RETURN_IF_ERROR(global.status());
    return CommittedModel{round, *std::move(global)};
  }

 private:
  explicit Reader(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::vector<int64_t>> Numbers(absl::string_view sql) const {
    ASSIGN_OR_RETURN(SqliteStatement statement, SqliteStatement::Prepare(database_, sql));
    std::vector<int64_t> numbers;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) return numbers;
      numbers.push_back(statement.Integer(0));
    }
  }

  absl::StatusOr<std::optional<std::string>> ChecksumOf(const std::string& dataset,
                                                        int round) const {
    ASSIGN_OR_RETURN(SqliteStatement statement,
                     SqliteStatement::Prepare(
                         database_, "SELECT checksum FROM files WHERE round = ? AND name = ?"));
    statement.Bind(int64_t{round}).Bind(absl::StrCat(dataset, kGlobalSuffix));
    ASSIGN_OR_RETURN(const bool found, statement.Step());
    return found ? std::optional<std::string>(statement.Text(0)) : std::nullopt;
  }

  static absl::StatusOr<StateDict> ReadChecked(const std::string& path,
                                               const std::string& expected) {
    ASSIGN_OR_RETURN(const uint64_t checksum, ChecksumOfFile(path));
    const std::string found = absl::StrCat(absl::Hex(checksum, absl::kZeroPad16));
    if (found != expected) {
      return absl::DataLossError(
          absl::StrCat(path, " is damaged: its checksum is ", found, ", expected ", expected));
    }
    return ReadSafetensors(path);
  }

  absl::Status Missing(const std::string& dataset, int round) const {
    ASSIGN_OR_RETURN(const std::vector<int64_t> rounds,
                     Numbers("SELECT DISTINCT round FROM files ORDER BY round"));
    if (std::find(rounds.begin(), rounds.end(), round) == rounds.end()) {
      return absl::NotFoundError(
          absl::StrCat(folder_, " holds no checkpoint of round ", round, "; it holds those of ",
                       rounds.empty() ? "no round" : absl::StrJoin(rounds, ", ")));
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> names, DatasetsOf(round));
    return absl::NotFoundError(absl::StrCat("the run in ", folder_, " has no model of ", dataset,
                                            "; the run has models of ",
                                            absl::StrJoin(names, ", ")));
  }

  absl::StatusOr<std::vector<std::string>> DatasetsOf(int round) const {
    ASSIGN_OR_RETURN(SqliteStatement statement,
                     SqliteStatement::Prepare(
                         database_, "SELECT name FROM files WHERE round = ? ORDER BY name"));
    statement.Bind(int64_t{round});
    std::vector<std::string> names;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) return names;
      const std::string file = statement.Text(0);
      absl::string_view name = file;
      // Files of auxiliary weights and of hooks have a mark that no dataset's name has.
      if (!absl::ConsumeSuffix(&name, kGlobalSuffix)) continue;
      if (name.find_first_of("@+") == absl::string_view::npos) names.emplace_back(name);
    }
  }

  std::string folder_;
  sqlite3* database_ = nullptr;
};

}  // namespace

bool HoldsRun(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(DatabaseOf(folder), error);
}

absl::StatusOr<CommittedModel> ReadCommittedModel(const std::string& folder,
                                                  const std::string& dataset,
                                                  std::optional<int> round,
                                                  const std::function<void()>& when_read) {
  ASSIGN_OR_RETURN(const Reader reader, Reader::Open(folder));
  if (round.has_value()) return reader.Read(dataset, *round, when_read);
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const std::optional<int> last, reader.LastRound());
    if (!last.has_value()) {
      return absl::NotFoundError(
          absl::StrCat("the run in ", folder, " has no committed round yet; try again later"));
    }
    absl::StatusOr<CommittedModel> model = reader.Read(dataset, *last, when_read);
    if (!absl::IsAborted(model.status()) || attempt == kAttempts) return model;
  }
}

}  // namespace tributary
