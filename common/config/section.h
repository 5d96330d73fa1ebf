// Section: one table of a TOML file, read key by key.
//
// The first thing that is wrong is kept and reported by Finish() as "file:line: key `a.b` ...": a
// value of the wrong type, a value out of range, a word that is not one of the choices, and any key
// that nobody asked for, with the nearest known key. A key that is absent leaves its field as it
// was, so defaults stand where the fields are declared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/config/value.h"

namespace tributary {

// The first problem found in a file, shared by all its sections.
class ConfigProblems {
 public:
  explicit ConfigProblems(std::string origin) : origin_(std::move(origin)) {}
  // Keeps `message` if it is the first. `node` tells the line; null: none.
  void Report(const toml::node* node, const std::string& message);
  const absl::Status& status() const { return status_; }

 private:
  std::string origin_;
  absl::Status status_;
};

// The table of a file's text. InvalidArgument, with `origin` and the line, for what is not TOML.
absl::StatusOr<toml::table> ParseToml(absl::string_view text, const std::string& origin);

class Section {
 public:
  // `table` may be null (an absent section). Both pointers must outlive the section.
  Section(const toml::table* table, std::string path, ConfigProblems* problems);

  // Whether the file gives `key`.
  bool Has(absl::string_view key) const;

  // The value of `key`; nothing if the file does not give it or if it is not within `range`, which
  // is reported. Text for a time is such as "90s", "5m", "1h30m".
  std::optional<Value> Take(absl::string_view key, const ValueRange& range);

  void Text(absl::string_view key, std::string* field);
  // Accepts whole numbers in [least, most].
  void Whole(absl::string_view key, int* field, int least, int most);
  // Lists of text, of whole numbers in [least, most].
  void Texts(absl::string_view key, std::vector<std::string>* field);
  void Wholes(absl::string_view key, std::vector<int64_t>* field, int64_t least, int64_t most);

  // The table `key` below this one; an empty section if it is absent.
  Section Sub(absl::string_view key);
  // The tables of the array `[[key]]`.
  std::vector<Section> Each(absl::string_view key);

  // Reports a problem with `key`, at the key's line where the file gives it.
  void Problem(absl::string_view key, absl::string_view what);
  // To be called when all known keys were asked for: reports a key that was not.
  void Finish();

 private:
  const toml::node* Get(absl::string_view key);
  std::string Path(absl::string_view key) const;

  const toml::table* table_;
  std::string path_;
  ConfigProblems* problems_;
  std::vector<std::string> known_;
};

// The word of `words` with the fewest edits to `word`; empty if none is near (more than a third of
// its letters differ).
std::string Nearest(absl::string_view word, absl::Span<const std::string> words);

}  // namespace tributary
