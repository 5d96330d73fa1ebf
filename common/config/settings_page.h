// The documentation of the run file's keys, made from the tables of fields: `tributary settings`
// prints it, docs/run-file.md holds it, and tests compare the two.
#pragma once

#include <string>

#include "common/config/method_card.h"

namespace tributary {

// A Markdown table of the group's keys: key, default, values, meaning. The default of a key that a
// method presets is "of `method`".
std::string SettingsTable(const SettingsGroup& group, const MethodTable& methods);

// A Markdown table of the methods: word, what it presets, and its card's words.
std::string MethodsTable(const MethodTable& methods);

// All of it, each table below its heading, as in docs/run-file.md.
std::string SettingsPage(const MethodTable& methods);

}  // namespace tributary
