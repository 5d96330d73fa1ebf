#include "tool/sweep/sweep_file.h"

#include <set>

#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/section.h"

namespace tributary {

std::string FolderOf(absl::string_view row) {
  std::string folder;
  for (const char c : row) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      folder.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else if (!folder.empty() && folder.back() != '-') {
      folder.push_back('-');
    }
  }
  while (!folder.empty() && folder.back() == '-') folder.pop_back();
  return folder;
}

absl::StatusOr<Sweep> ParseSweep(absl::string_view toml, const std::string& origin) {
  ASSIGN_OR_RETURN(const toml::table table, ParseToml(toml, origin));
  ConfigProblems problems(origin);
  Section root(&table, "", &problems);
  Sweep sweep;
  root.Text("run", &sweep.run_file);
  root.Wholes("seeds", &sweep.seeds, 0, int64_t{1} << 53);  // what JSON readers keep exactly
  root.Texts("set", &sweep.overrides);
  root.Whole("jobs", &sweep.jobs, 0, 1024);
  std::set<std::string> folders;
  for (Section& section : root.Each("rows")) {
    SweepRow row;
    section.Text("name", &row.name);
    section.Texts("set", &row.overrides);
    const std::string folder = FolderOf(row.name);
    if (folder.empty()) {
      section.Problem("name", "must be given, with a letter or a digit");
    } else if (!folders.insert(folder).second) {
      section.Problem("name", absl::StrCat("makes the folder ", folder, " a second time"));
    }
    section.Finish();
    sweep.rows.push_back(std::move(row));
  }
  if (sweep.run_file.empty()) root.Problem("run", "is missing: the run file of all rows");
  if (sweep.rows.empty()) root.Problem("rows", "is missing; a sweep needs at least one [[rows]]");
  if (sweep.seeds.empty()) root.Problem("seeds", "is empty; a sweep needs at least one");
  root.Finish();
  if (!problems.status().ok()) return problems.status();
  return sweep;
}

absl::StatusOr<Sweep> LoadSweep(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("sweep file ", text.status().message()));
  }
  return ParseSweep(*text, path);
}

std::vector<SweepRun> RunsOf(const Sweep& sweep) {
  std::vector<SweepRun> runs;
  for (const int64_t seed : sweep.seeds) {
    for (const SweepRow& row : sweep.rows) {
      SweepRun run{.row = row.name,
                   .seed = seed,
                   .folder = absl::StrCat(FolderOf(row.name), "/seed-", seed),
                   .overrides = sweep.overrides};
      run.overrides.insert(run.overrides.end(), row.overrides.begin(), row.overrides.end());
      run.overrides.push_back(absl::StrCat("seed=", seed));
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

}  // namespace tributary
