// Where the tables of your own data are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "preparation/files/file_tree.h"

namespace tributary {

struct OwnTables {
  LocatedFile train;                  // the only one, if there is no test
  std::optional<LocatedFile> test;    // in the same tree
  std::string folder;                 // folder or archive that images are looked for in
  std::optional<DatasetFiles> files;  // of it; nothing if they were not needed to find the tables
};

// `root`: a table, or a folder or archive that holds "train<extension>",
// "train/metadata<extension>" (as Hugging Face's folders), "data<extension>", "metadata<extension>"
// or a single file with one of `extensions`. NotFound; InvalidArgument lists them if there are
// several, and says how to convert a table of another kind (Parquet).
absl::StatusOr<OwnTables> FindOwnTables(const std::string& root, const std::string& scratch,
                                        const std::vector<std::string>& extensions);

}  // namespace tributary
