#include "common/config/run_config.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/choices.h"
#include "common/config/method_card.h"
#include "common/config/overrides.h"
#include "common/config/run_fields.h"
#include "common/config/section.h"
#include "common/config/settings_group.h"

namespace tributary {
namespace {

// Names become folder names, metric labels and log fields.
bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return name != "." && name != "..";
}

template <typename Settings>
void ReadFields(const FieldTable<Settings>& fields, Section* section, Settings* settings) {
  for (const Field<Settings>& field : fields) {
    if (const auto value = section->Take(field.spec.key, field.spec.range)) {
      field.set(*value, settings);
    }
    if (field.preset) field.preset(settings);
  }
}

void ReadDatasets(Section* root, RunConfig* config) {
  std::set<std::string> names;
  for (Section& section : root->Each("datasets")) {
    DatasetConfig dataset;
    ReadFields(DatasetFields(), &section, &dataset);
    for (const Field<DatasetConfig>& field : DatasetFields()) {
      if (!section.Has(field.spec.key) && field.spec.required) {
        section.Problem(field.spec.key, "is missing; every dataset needs it");
      }
    }
    if (!IsName(dataset.name)) {
      section.Problem("name", "must be 1 to 64 letters, digits, dots, dashes or underscores");
    }
    if (!names.insert(dataset.name).second) {
      section.Problem("name", absl::StrCat("is \"", dataset.name, "\" a second time"));
    }
    section.Finish();
    config->datasets.push_back(std::move(dataset));
  }
  if (config->datasets.empty())
    root->Problem("datasets", "is missing; a run needs at least one [[datasets]]");
}

// Reads `group` out of its section, and the groups whose sections lie below it.
void ReadGroup(const std::vector<SettingsGroup>& groups, const SettingsGroup& group,
               Section section, RunConfig* config) {
  ReadFields(group.fields, &section, config);
  const std::string prefix = group.section + ".";
  for (const SettingsGroup& below : groups) {
    if (!absl::StartsWith(below.section, prefix)) continue;
    ReadGroup(groups, below, section.Sub(below.section.substr(prefix.size())), config);
  }
  if (group.check) group.check(*config, &section);
  section.Finish();
}

void ReadRoot(const MethodTable& methods, Section* root, RunConfig* config) {
  ReadFields(TopFields(methods), root, config);
  if (!IsName(config->name)) {
    root->Problem("name", "must be given: 1 to 64 letters, digits, dots, dashes or underscores");
  }
  ReadDatasets(root, config);
  for (const SettingsGroup& group : RunGroups()) {
    if (absl::StrContains(group.section, '.')) continue;  // read with the one above it
    ReadGroup(RunGroups(), group, root->Sub(group.section), config);
  }
  for (const MethodCard* card : methods.cards) {
    if (card->own.has_value()) ReadGroup({}, *card->own, root->Sub(card->own->section), config);
  }
  if (config->method->check) config->method->check(*config, root);
  root->Finish();
}

}  // namespace

absl::string_view MethodName(const RunConfig& config) {
  return config.method == nullptr ? absl::string_view() : config.method->word;
}
absl::string_view ShareName(Share share) { return WordOf<Share>(share, kShares); }
absl::string_view ScopeName(Scope scope) { return WordOf<Scope>(scope, kScopes); }
absl::string_view RuleName(Rule rule) { return WordOf<Rule>(rule, kRules); }

absl::StatusOr<RunConfig> ParseRunConfig(absl::string_view toml, const std::string& origin,
                                         const MethodTable& methods,
                                         const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(toml::table table, ParseToml(toml, origin));
  for (const std::string& text : overrides) RETURN_IF_ERROR(ApplyOverride(text, &table));
  ConfigProblems problems(origin);
  Section root(&table, "", &problems);
  RunConfig config;
  ReadRoot(methods, &root, &config);
  if (!problems.status().ok()) return problems.status();
  return config;
}

absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path, const MethodTable& methods,
                                        const std::vector<std::string>& overrides) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {  // a wrong path is wrong use, not damaged data
    return absl::InvalidArgumentError(absl::StrCat("run file ", text.status().message()));
  }
  return ParseRunConfig(*text, path, methods, overrides);
}

}  // namespace tributary
