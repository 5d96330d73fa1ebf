#include "preparation/datasets/sample_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "preparation/files/text_encoding.h"

namespace tributary {
namespace {

std::string Plain(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"-", ""}, {"_", ""}, {" ", ""}});
}

}  // namespace

absl::StatusOr<const DatasetReader*> FindDatasetReader(const std::string& name) {
  std::vector<std::string> names;
  for (const DatasetReader& reader : DatasetReaders()) {
    if (Plain(reader.name) == Plain(name)) return &reader;
    names.push_back(reader.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("dataset \"", name, "\" is unknown; known are ", absl::StrJoin(names, ", ")));
}

absl::Status CheckSource(const DatasetReader& reader, const DatasetSource& source) {
  const auto refuse = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("dataset ", reader.name, " ", what));
  };
  const std::vector<std::string>& variants = reader.variants;
  if (!source.variant.empty() &&
      std::find(variants.begin(), variants.end(), source.variant) == variants.end()) {
    return refuse(absl::StrCat("has no variant \"", source.variant, "\"; it has ",
                               variants.empty() ? "none" : absl::StrJoin(variants, ", ")));
  }
  if (!reader.takes_ids && !(source.train_ids.empty() && source.test_ids.empty())) {
    return refuse("takes no ids (--train-ids, --test-ids)");
  }
  if (!reader.takes_columns && !source.columns.empty()) {
    return refuse("has no columns to choose (--column); csv and jsonl have");
  }
  if (source.encoding.empty()) return absl::OkStatus();
  if (!reader.takes_encoding) {
    return refuse(
        "has one encoding, its publisher's (--encoding); csv, jsonl and image-folder, "
        "which are yours, may have any");
  }
  return CheckEncoding(source.encoding);
}

void NoteLeftOut(const FileTree& tree, SampleSet* set) {
  const auto known = [&](const std::string& path) {
    return std::any_of(set->skipped.begin(), set->skipped.end(),
                       [&](const SkippedSample& one) { return one.file == path; });
  };
  for (const FileTree::LeftOut& one : tree.left_out()) {
    if (!known(one.path)) set->skipped.push_back({one.path, 0, one.reason});
  }
}

absl::StatusOr<std::string> ReadSourceFile(const FileTree& tree, size_t file, SampleSet* set) {
  NoteLeftOut(tree, set);
  ASSIGN_OR_RETURN(std::string bytes, tree.Read(file));
  set->sources.push_back({tree.Describe(file), bytes.size(), Sha256Hex(bytes)});
  return bytes;
}

}  // namespace tributary
