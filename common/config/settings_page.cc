#include "common/config/settings_page.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

// The defaults, with a dataset: the fields of [[datasets]] are read from the first.
RunConfig Defaults() {
  RunConfig config;
  config.datasets.emplace_back();
  return config;
}

// The run of a file that names `card` and nothing else.
RunConfig PresetBy(const MethodCard& card) {
  RunConfig config = Defaults();
  if (card.preset) card.preset(&config);
  return config;
}

bool IsPreset(const Field<RunConfig>& field, const MethodCard& card) {
  return field.get(PresetBy(card)) != field.get(Defaults());
}

// `5`, "`\"paper\"`": text stands as code, so that its quotes are seen.
std::string Code(const Value& value) {
  const std::string toml = TomlOf(value);
  return toml.front() == '"' ? absl::StrCat("`", toml, "`") : toml;
}

std::string DefaultOf(const Field<RunConfig>& field, const MethodTable& methods) {
  if (!field.spec.shown_default.empty()) return field.spec.shown_default;
  for (const MethodCard* card : methods.cards) {
    if (IsPreset(field, *card)) return "of `method`";
  }
  return Code(field.get(Defaults()));
}

struct Values {
  std::string operator()(const FlagRange&) const { return "`true`, `false`"; }
  std::string operator()(const TextRange&) const { return "text"; }
  std::string operator()(const WholeRange& range) const {
    return absl::StrCat(range.least, " to ", range.most);
  }
  std::string operator()(const NumberRange& range) const {
    return absl::StrCat(ShortNumber(range.least), " to ", ShortNumber(range.most));
  }
  std::string operator()(const TimeRange& range) const {
    return absl::StrCat(absl::FormatDuration(range.least), " to ",
                        absl::FormatDuration(range.most));
  }
  std::string operator()(const WordRange& range) const {
    return absl::StrCat("`", absl::StrJoin(range.words, "`, `"), "`");
  }
};

std::string Heading(const SettingsGroup& group) {
  if (group.section.empty()) return "## Top level";
  if (group.section == "datasets") return "## `[[datasets]]`";
  return absl::StrCat("## `[", group.section, "]`");
}

// "`fedprox.mu = 0.001`", ...
std::string PresetsOf(const MethodCard& card) {
  std::vector<std::string> presets;
  for (const SettingsGroup& group : RunGroups()) {
    for (const Field<RunConfig>& field : group.fields) {
      if (!IsPreset(field, card)) continue;
      presets.push_back(absl::StrCat("`", group.section, ".", field.spec.key, " = ",
                                     TomlOf(field.get(PresetBy(card))), "`"));
    }
  }
  if (card.own.has_value()) presets.push_back(absl::StrCat("reads `[", card.own->section, "]`"));
  return presets.empty() ? "nothing" : absl::StrJoin(presets, ", ");
}

}  // namespace

std::string SettingsTable(const SettingsGroup& group, const MethodTable& methods) {
  std::string table = "| key | default | values | meaning |\n|---|---|---|---|\n";
  for (const Field<RunConfig>& field : group.fields) {
    absl::StrAppend(&table, "| `", field.spec.key, "` | ", DefaultOf(field, methods), " | ",
                    std::visit(Values{}, field.spec.range), " | ", field.spec.meaning, " |\n");
  }
  return table;
}

std::string MethodsTable(const MethodTable& methods) {
  std::string table =
      "| method | sets | shares, and with whom | adds to local training | costs beside FedAvg |\n"
      "|---|---|---|---|---|\n";
  for (const MethodCard* card : methods.cards) {
    absl::StrAppend(&table, "| `", card->word, "` | ", PresetsOf(*card), " | ", card->shares, " | ",
                    card->adds, " | ", card->costs, " |\n");
  }
  return table;
}

std::string SettingsPage(const MethodTable& methods) {
  std::string page;
  for (const SettingsGroup& group : AllGroups(methods)) {
    absl::StrAppend(&page, Heading(group), "\n\n", SettingsTable(group, methods), "\n");
  }
  absl::StrAppend(&page, "## Methods\n\n", MethodsTable(methods));
  return page;
}

}  // namespace tributary
