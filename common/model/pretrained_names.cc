#include "common/model/pretrained_names.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kNamesInMessages = 3;
constexpr int64_t kMostBlocks = 100000;  // keeps numbers of blocks within sizes that can be counted

// Prefixes under which the file has a convention's two names.
std::vector<std::string> PrefixesOf(const SafetensorsFile& file, const Convention& convention) {
  std::vector<std::string> prefixes;
  for (const FileTensor& entry : file.entries()) {
    absl::string_view prefix = entry.name;
    if (!absl::ConsumeSuffix(&prefix, convention.anchor)) continue;
    if (!prefix.empty() && !absl::EndsWith(prefix, ".")) continue;
    if (convention.beside.empty() ||
        file.Find(absl::StrCat(prefix, convention.beside)) != nullptr) {
      prefixes.emplace_back(prefix);
    }
  }
  return prefixes;
}

// The number of a block, and in `name` what follows; nothing if it is not in a block.
std::optional<int64_t> ConsumeBlock(const Convention& convention, absl::string_view* name) {
  for (const absl::string_view pattern : convention.block_prefixes) {
    const size_t number_at = pattern.find('#');
    absl::string_view rest = *name;
    if (!absl::ConsumePrefix(&rest, pattern.substr(0, number_at))) continue;
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    int64_t layer = 0;
    if (!absl::SimpleAtoi(rest.substr(0, digits), &layer) || layer >= kMostBlocks) continue;
    rest.remove_prefix(digits);
    if (!absl::ConsumePrefix(&rest, pattern.substr(number_at + 1))) continue;
    *name = rest;
    return layer;
  }
  return std::nullopt;
}

class Namer {
 public:
  Namer(const std::string& path, const Convention& convention, std::string prefix) : path_(path) {
    named_.convention = &convention;
    named_.prefix = std::move(prefix);
  }

  absl::StatusOr<NamedTensors> Run(const SafetensorsFile& file) && {
    for (const FileTensor& entry : file.entries()) {
      absl::string_view name = entry.name;
      if (absl::ConsumePrefix(&name, named_.prefix)) {
        RETURN_IF_ERROR(Place(entry, name));
      } else {
        named_.skipped.push_back(entry.name);
      }
    }
    RETURN_IF_ERROR(Refusal());
    named_.notes.insert(named_.notes.end(), notes_.begin(), notes_.end());
    return std::move(named_);
  }

 private:
  // `name`: without the prefix.
  absl::Status Place(const FileTensor& entry, absl::string_view name) {
    const Convention& convention = *named_.convention;
    const std::optional<int64_t> layer = ConsumeBlock(convention, &name);
    if (layer.has_value()) named_.depth = std::max(named_.depth, *layer + 1);
    absl::string_view rest;
    const TakeRule* rule =
        FindRule(layer.has_value() ? convention.block : convention.outer, name, &rest);
    if (rule == nullptr) {
      // One more part of a block makes it another function; what stands outside are heads.
      if (layer.has_value()) {
        refused_["parts of blocks that are not known"].push_back(entry.name);
      } else {
        named_.skipped.push_back(entry.name);
      }
      return absl::OkStatus();
    }
    std::string ours = layer.has_value() ? absl::StrCat("blockses.0.", *layer, ".")
                                         : std::string(convention.component);
    absl::StrAppend(&ours, absl::StripSuffix(rule->ours, "*"));
    if (absl::EndsWith(rule->ours, "*")) absl::StrAppend(&ours, rest);
    return Follow(*rule, entry, ours);
  }

  absl::Status Follow(const TakeRule& rule, const FileTensor& entry, const std::string& ours) {
    switch (rule.step) {
      case TakeStep::kTake:
        return Put(&named_.sources[ours].whole, entry);
      case TakeStep::kQuery:
        return Put(&named_.sources[ours].thirds[0], entry);
      case TakeStep::kKey:
        return Put(&named_.sources[ours].thirds[1], entry);
      case TakeStep::kValue:
        return Put(&named_.sources[ours].thirds[2], entry);
      case TakeStep::kScale:
        return Put(&named_.scales[ours], entry);
      case TakeStep::kInstead:
        // A norm of the file's head is only ours where the file has no other.
        notes_.insert(std::string(rule.note));
        return Put(&named_.sources[ours].instead, entry);
      case TakeStep::kExtraToken:
        named_.extra_tokens.push_back(&entry);
        notes_.insert(absl::StrCat(entry.name, " is left out: this model has no such tokens"));
        named_.skipped.push_back(entry.name);
        return absl::OkStatus();
      case TakeStep::kLeftOut:
        named_.skipped.push_back(entry.name);
        return absl::OkStatus();
      case TakeStep::kCannotBeComputed:
        refused_[std::string(rule.note)].push_back(entry.name);
        return absl::OkStatus();
    }
    return absl::InternalError("unknown step");
  }

  absl::Status Put(const FileTensor** place, const FileTensor& entry) {
    if (*place == nullptr) {
      *place = &entry;
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": tensors ", (*place)->name, " and ", entry.name,
                     " stand for the same part of the model; give a file of one model"));
  }

  absl::Status Refusal() const {
    if (refused_.empty()) return absl::OkStatus();
    std::vector<std::string> parts;
    for (const auto& [what, names] : refused_) {
      parts.push_back(absl::StrCat(what, " (", FirstOf(names), ")"));
    }
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ", with the names of ", named_.convention->name,
                     ", has what the run's model cannot compute: ", absl::StrJoin(parts, "; "),
                     "; give the weights of a plain ViT (docs/pretrained-weights.md)"));
  }

  const std::string& path_;
  NamedTensors named_;
  std::set<std::string> notes_;
  std::map<std::string, std::vector<std::string>> refused_;  // by what they are
};

}  // namespace

const FileTensor* TensorSource::any() const {
  if (whole != nullptr) return whole;
  for (const FileTensor* third : thirds) {
    if (third != nullptr) return third;
  }
  return instead;
}

std::string FirstOf(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesInMessages);
  std::string text =
      absl::StrJoin(names.begin(), names.begin() + static_cast<int64_t>(shown), ", ");
  if (names.size() > shown) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

absl::StatusOr<NamedTensors> NameTensors(const SafetensorsFile& file, const std::string& path,
                                         absl::Span<const Convention> conventions) {
  const Convention* found = nullptr;
  std::vector<std::string> prefixes, known;
  for (const Convention& convention : conventions) {
    known.push_back(absl::StrCat(convention.name, "'s ", convention.anchor));
    if (found != nullptr) continue;
    prefixes = PrefixesOf(file, convention);
    if (!prefixes.empty()) found = &convention;
  }
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const FileTensor& entry : file.entries()) names.push_back(entry.name);
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds none of the tensors that are looked for (", absl::StrJoin(known, ", "),
        "); it holds ", names.empty() ? "none at all" : FirstOf(names)));
  }
  if (prefixes.size() > 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds ", prefixes.size(), " models with the names of ", found->name, ", under \"",
        absl::StrJoin(prefixes, "\", \""), "\"; give a file with one of them"));
  }
  return Namer(path, *found, prefixes.front()).Run(file);
}

}  // namespace tributary
