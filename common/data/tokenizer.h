// BERT's uncased WordPiece tokenizer, equal to that of HuggingFace's `tokenizers`.
//
// Text is cleaned, CJK characters are set apart, accents dropped, letters lowered, words split at
// white space and punctuation, each word cut into the longest known pieces. Special tokens written
// in the text ("[MASK]") become their ids. Source: golden/wordpiece; Wu et al., "Google's Neural
// Machine Translation System" for the pieces.
//
// Immutable after Load(), hence thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

class Tokenizer {
 public:
  // Reads a vocabulary: one token per line, the line's number is its id. FailedPrecondition for a
  // file without the special tokens, with a token twice, or without [PAD] as number 0.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(const std::string& path);

  // The ids of `text`, `[CLS] ... [SEP]`, of any length. Broken UTF-8 is read as replacement
  // characters, which are dropped.
  std::vector<int64_t> Encode(absl::string_view text) const;
  // Truncated (keeping [SEP]) and padded with 0 to `length` >= 2.
  std::vector<int64_t> Encode(absl::string_view text, int64_t length) const;

  int64_t size() const { return static_cast<int64_t>(ids_.size()); }
  // SHA-256 of the vocabulary file.
  const std::string& digest() const { return digest_; }

 private:
  Tokenizer() = default;
  void AppendPlain(absl::string_view text, std::vector<int64_t>* ids) const;
  void AppendWord(absl::string_view word, std::vector<int64_t>* ids) const;

  absl::flat_hash_map<std::string, int64_t> ids_;
  int64_t unknown_ = 0, cls_ = 0, sep_ = 0;
  std::string digest_;
};

// The vocabulary file to use: `given` if not empty, else the one that ships with the project,
// looked for in $TRIBUTARY_ASSETS, in ../share/tributary beside the program, and in the source tree
// that this was built from. NotFound names all three.
absl::StatusOr<std::string> FindVocabulary(const std::string& given);

}  // namespace tributary
