// Which columns of your own table are image path, text, label, owner and split.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"

namespace tributary {

// Places of columns; nothing where a role has none.
struct OwnColumns {
  std::optional<size_t> path, text, label, owner, split;
  // path and text: pairs (a label is then left aside); path and label: images; text and label:
  // texts.
  Modality modality = Modality::kPair;
};

// Role -> column names, the first of which is the role's own; case does not matter:
//   path   path, image, image_path, file, filename, file_name
//   text   text, caption, captions, description, title
//   label  label, class, category
//   owner  owner, site, client, source
//   split  split, set, fold
// `wanted`: roles whose column has another name, or is to be left aside (""). InvalidArgument, with
// the columns that there are, for a column that is missing and where too few roles have one.
absl::StatusOr<OwnColumns> ChooseColumns(const std::vector<std::string>& columns,
                                         const std::map<std::string, std::string>& wanted);

// Names of classes: each of `labels` once, as numbers if all are, else as words.
std::vector<std::string> SortedClasses(std::vector<std::string> labels);

}  // namespace tributary
