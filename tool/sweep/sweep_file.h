// A sweep file: which variants of one run file to run, and with which seeds.
//
//   run = "deploy/runs/quickstart.toml"     the run file that all rows start from
//   seeds = [1, 2, 3, 4, 5]
//   set = ["rounds=16"]                     in place of the run file's values, for all rows
//   jobs = 2                                runs side by side; 0: half as many as cores
//
//   [[rows]]
//   name = "FedAvg"
//   set = ["method=fedavg"]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

struct SweepRow {
  std::string name;
  std::vector<std::string> overrides;  // key=value
};

struct Sweep {
  std::string run_file;
  std::vector<int64_t> seeds = {1, 2, 3, 4, 5};
  std::vector<std::string> overrides;  // of all rows
  int jobs = 0;
  std::vector<SweepRow> rows;
};

// One run of a sweep.
struct SweepRun {
  std::string row;
  int64_t seed = 0;
  std::string folder;                  // below the sweep's: row-in-lower-case/seed-N
  std::vector<std::string> overrides;  // all of them, the seed's last
};

// InvalidArgument with file and line for what is wrong in the file; the rows' run files are not
// looked at. Two rows whose names make the same folder are refused.
absl::StatusOr<Sweep> LoadSweep(const std::string& path);
absl::StatusOr<Sweep> ParseSweep(absl::string_view toml, const std::string& origin);

// All runs, seed by seed, so that an unfinished sweep has about as many runs of each row as of
// others.
std::vector<SweepRun> RunsOf(const Sweep& sweep);

// "+ compensation (own)" -> "compensation-own": a folder's name.
std::string FolderOf(absl::string_view row);

}  // namespace tributary
