#include "common/data/tokenizer.h"

#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr std::array<const char*, 5> kSpecial = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
constexpr int32_t kMostCharsOfWord = 100;  // longer words are unknown

bool IsWhite(UChar32 c) { return c == '\t' || c == '\n' || c == '\r' || u_isUWhiteSpace(c); }

// The general category as the original sees it, whose tables are those of Unicode 8: a character
// that came later has none.
uint32_t CategoryMask(UChar32 c) {
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] <= 8 ? U_GET_GC_MASK(c) : U_MASK(U_UNASSIGNED);
}

bool IsDropped(UChar32 c) {
  if (c == 0 || c == 0xFFFD) return true;
  if (c == '\t' || c == '\n' || c == '\r') return false;
  // Unassigned code points stay, as in the original.
  constexpr uint32_t kOther = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK | U_GC_CS_MASK;
  return (CategoryMask(c) & kOther) != 0;
}

bool IsPunctuation(UChar32 c) {
  if (c < 128) return std::ispunct(static_cast<int>(c)) != 0;
  return (CategoryMask(c) & U_GC_P_MASK) != 0;
}

// The blocks that BERT's own code names.
bool IsCjk(UChar32 c) {
  constexpr std::pair<UChar32, UChar32> kBlocks[] = {
      {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  for (const auto& [first, last] : kBlocks) {
    if (c >= first && c <= last) return true;
  }
  return false;
}

// Calls `visit` with each code point of `text`.
template <typename Visit>
void ForEach(const icu::UnicodeString& text, const Visit& visit) {
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    visit(c);
    i += U16_LENGTH(c);
  }
}

icu::UnicodeString Clean(const icu::UnicodeString& text) {
  icu::UnicodeString clean;
  ForEach(text, [&](UChar32 c) {
    if (IsDropped(c)) return;
    if (IsWhite(c)) {
      clean.append(static_cast<UChar32>(' '));
    } else if (IsCjk(c)) {
      clean.append(static_cast<UChar32>(' ')).append(c).append(static_cast<UChar32>(' '));
    } else {
      clean.append(c);
    }
  });
  return clean;
}

icu::UnicodeString WithoutAccents(const icu::UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(error);
  if (U_FAILURE(error)) return text;  // ICU carries NFD's data itself: cannot happen
  const icu::UnicodeString decomposed = nfd->normalize(text, error);
  icu::UnicodeString plain;
  ForEach(decomposed, [&](UChar32 c) {
    if ((CategoryMask(c) & U_GC_MN_MASK) == 0) plain.append(c);
  });
  return plain;
}

// Letter by letter, without looking at neighbours (a final sigma stays the ordinary one).
icu::UnicodeString Lower(const icu::UnicodeString& text) {
  icu::UnicodeString lower;
  ForEach(text, [&](UChar32 c) {
    icu::UnicodeString one(c);
    lower.append(one.toLower(icu::Locale::getRoot()));
  });
  return lower;
}

absl::string_view NextSpecial(absl::string_view text, size_t* place) {
  absl::string_view found;
  *place = absl::string_view::npos;
  for (const char* token : kSpecial) {
    const size_t at = text.find(token);
    if (at < *place) {
      *place = at;
      found = token;
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  std::shared_ptr<Tokenizer> tokenizer(new Tokenizer());
  tokenizer->digest_ = Sha256Hex(content);
  int64_t id = 0;
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(content, "\n"), '\n')) {
    line = absl::StripSuffix(line, "\r");
    if (!tokenizer->ids_.emplace(line, id++).second) {
      return absl::FailedPreconditionError(absl::StrCat("vocabulary ", path, ":", id, ": token \"",
                                                        line, "\" is there a second time"));
    }
  }
  for (const char* token : kSpecial) {
    if (!tokenizer->ids_.contains(token)) {
      return absl::FailedPreconditionError(
          absl::StrCat("vocabulary ", path, " lacks ", token, "; expected a BERT vocabulary"));
    }
  }
  if (tokenizer->ids_.at("[PAD]") != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("vocabulary ", path, ": [PAD] must be its first line"));
  }
  tokenizer->unknown_ = tokenizer->ids_.at("[UNK]");
  tokenizer->cls_ = tokenizer->ids_.at("[CLS]");
  tokenizer->sep_ = tokenizer->ids_.at("[SEP]");
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

std::vector<int64_t> Tokenizer::Encode(absl::string_view text) const {
  std::vector<int64_t> ids = {cls_};
  while (!text.empty()) {
    size_t place;
    // Special tokens are cut out of the raw text: in lower case and without brackets, which are
    // punctuation, they would not be found again.
    const absl::string_view special = NextSpecial(text, &place);
    AppendPlain(text.substr(0, place), &ids);
    if (special.empty()) break;
    ids.push_back(ids_.at(special));
    text.remove_prefix(place + special.size());
  }
  ids.push_back(sep_);
  return ids;
}

std::vector<int64_t> Tokenizer::Encode(absl::string_view text, int64_t length) const {
  std::vector<int64_t> ids = Encode(text);
  if (static_cast<int64_t>(ids.size()) > length) ids[static_cast<size_t>(length - 1)] = sep_;
  ids.resize(static_cast<size_t>(length));
  return ids;
}

void Tokenizer::AppendPlain(absl::string_view text, std::vector<int64_t>* ids) const {
  const icu::UnicodeString raw = icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  // The original's order: accents go first, then letters are lowered.
  const icu::UnicodeString normal = Lower(WithoutAccents(Clean(raw)));
  icu::UnicodeString word;
  const auto flush = [&] {
    if (word.isEmpty()) return;
    std::string utf8;
    word.toUTF8String(utf8);
    if (word.countChar32() > kMostCharsOfWord) {
      ids->push_back(unknown_);
    } else {
      AppendWord(utf8, ids);
    }
    word.remove();
  };
  ForEach(normal, [&](UChar32 c) {
    const bool punctuation = IsPunctuation(c);
    if (IsWhite(c) || punctuation) flush();
    if (!IsWhite(c)) word.append(c);
    if (punctuation) flush();
  });
  flush();
}

void Tokenizer::AppendWord(absl::string_view word, std::vector<int64_t>* ids) const {
  // The longest piece that the vocabulary has, then the longest of the rest, marked by "##". If at
  // any place there is none, the whole word is unknown, and no part of it is kept.
  std::vector<int64_t> pieces;
  for (size_t begin = 0; begin < word.size();) {
    size_t end = word.size();
    auto found = ids_.end();
    for (; end > begin; --end) {
      // Only whole characters can match: pieces in the vocabulary are valid UTF-8.
      const absl::string_view piece = word.substr(begin, end - begin);
      found = begin == 0 ? ids_.find(piece) : ids_.find(absl::StrCat("##", piece));
      if (found != ids_.end()) break;
    }
    if (found == ids_.end()) {
      ids->push_back(unknown_);
      return;
    }
    pieces.push_back(found->second);
    begin = end;
  }
  ids->insert(ids->end(), pieces.begin(), pieces.end());
}

absl::StatusOr<std::string> FindVocabulary(const std::string& given) {
  if (!given.empty()) return given;
  const std::string name = "bert-base-uncased/vocab.txt";
  std::vector<std::string> places;
  // What the user says, then beside the installed program, then the source tree.
  if (const char* assets = std::getenv("TRIBUTARY_ASSETS")) {  // NOLINT(concurrency-mt-unsafe)
    places.push_back(absl::StrCat(assets, "/", name));
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  places.push_back((self.parent_path().parent_path() / "share/tributary" / name).string());
  places.push_back(absl::StrCat(TRIBUTARY_SOURCE_ASSETS, "/", name));
  for (const std::string& place : places) {
    if (std::filesystem::exists(place, error)) return place;
  }
  return absl::NotFoundError(absl::StrCat("the vocabulary ", name, " is in none of ",
                                          absl::StrJoin(places, ", "),
                                          "; set TRIBUTARY_ASSETS or give --vocabulary"));
}

}  // namespace tributary
