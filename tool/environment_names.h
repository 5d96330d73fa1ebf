// Environment variables for flags, one rule for all commands: --tls-cert is TRIBUTARY_TLS_CERT.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace tributary {

// Gives each long flag of `app` and its subcommands the variable of its name, unless it has one.
inline void NameVariables(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    if (option->get_lnames().empty() || !option->get_envname().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (name == "help" || name == "version") continue;  // asked for by a person
    std::string variable = absl::StrCat("TRIBUTARY_", absl::AsciiStrToUpper(name));
    for (char& c : variable) c = c == '-' ? '_' : c;
    option->envname(variable);
  }
  for (CLI::App* below : app->get_subcommands({})) NameVariables(below);
}

}  // namespace tributary
