// SettingsGroup: a section of the run file and the fields in it; RunGroups() lists them all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/config/field.h"
#include "common/config/run_config.h"
#include "common/config/section.h"

namespace tributary {

struct SettingsGroup {
  std::string section;           // "local", "server.tls"; empty: the top of the file
  FieldTable<RunConfig> fields;  // in the order in which they are read and documented
  // Where fields of Clients::kYes travel: "training" is Task.training, "training.augmentation" the
  // message below it, "model" is Welcome.model. Empty: the group has no such fields.
  std::string message = "";
  // Reports contradictions between keys, once the group was read. May be empty.
  std::function<void(const RunConfig&, Section*)> check = nullptr;
};

// The sections that every run file has, in the order of the documentation. [[datasets]], the top of
// the file and the methods' own sections are not among them.
const std::vector<SettingsGroup>& RunGroups();

// All that a run file may hold: the top, [[datasets]] (its fields read and write the first
// dataset), RunGroups(), and the methods' own sections.
std::vector<SettingsGroup> AllGroups(const MethodTable& methods);

// The groups whose settings a run depends on and its clients may be told of: RunGroups() and the
// own section of its method.
std::vector<const SettingsGroup*> GroupsOf(const RunConfig& config);

}  // namespace tributary
