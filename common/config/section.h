// Section: one table of a TOML file, read key by key into typed fields.
//
// The first thing that is wrong is kept and reported by Finish() as "file:line: key `a.b` ...": a
// value of the wrong type, a value out of range, a word that is not one of the choices, and any key
// that nobody asked for, with the nearest known key. A key that is absent leaves its field as it
// was, so defaults stand where the fields are declared.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

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

// A word of a run file and what it stands for.
template <typename T>
struct Choice {
  absl::string_view word;
  T value;
};

class Section {
 public:
  // `table` may be null (an absent section). Both pointers must outlive the section.
  Section(const toml::table* table, std::string path, ConfigProblems* problems);

  // Whether the file gives `key`.
  bool Has(absl::string_view key) const;

  void Text(absl::string_view key, std::string* field);
  // Lists of text, of whole numbers in [least, most].
  void Texts(absl::string_view key, std::vector<std::string>* field);
  void Wholes(absl::string_view key, std::vector<int64_t>* field, int64_t least, int64_t most);
  void Flag(absl::string_view key, bool* field);
  // Accepts whole numbers in [least, most].
  void Whole(absl::string_view key, int64_t* field, int64_t least, int64_t most);
  void Whole(absl::string_view key, int* field, int64_t least, int64_t most);
  // Accepts numbers in [least, most].
  void Number(absl::string_view key, double* field, double least, double most);
  // Accepts text such as "90s", "5m", "1h30m" in [least, most].
  void Time(absl::string_view key, absl::Duration* field, absl::Duration least,
            absl::Duration most);

  template <typename T>
  void OneOf(absl::string_view key, T* field, absl::Span<const Choice<T>> choices) {
    std::vector<absl::string_view> words;
    for (const Choice<T>& choice : choices) words.push_back(choice.word);
    const int place = PlaceOf(key, words);
    if (place >= 0) *field = choices[static_cast<size_t>(place)].value;
  }

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
  int PlaceOf(absl::string_view key, const std::vector<absl::string_view>& words);
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
