#include "tool/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/config/section.h"

namespace tributary {
namespace {

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Without the dashes.
std::vector<std::string> OptionsOf(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    const std::vector<std::string>& long_names = option->get_lnames();
    names.insert(names.end(), long_names.begin(), long_names.end());
  }
  return names;
}

bool Has(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// By its code: its name may be that of the command it came from.
bool Is(const CLI::ParseError& error, CLI::ExitCodes kind) {
  return error.get_exit_code() == static_cast<int>(kind);
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> commands = CommandsOf(app);
  const std::string nearest = Nearest(word, commands);
  return absl::StrCat("no command \"", word, "\"; ",
                      nearest.empty() ? absl::StrCat("there are ", absl::StrJoin(commands, ", "))
                                      : absl::StrCat("did you mean ", nearest, "?"));
}

// `word`: what no option of `command` took.
std::string UnknownArgument(const CLI::App& command, const std::string& word) {
  const std::vector<std::string> options = OptionsOf(command);
  const size_t equals = word.find('=');
  const bool dashed = absl::StartsWith(word, "-");
  const std::string name(absl::StripPrefix(absl::StripPrefix(word.substr(0, equals), "-"), "-"));
  const std::string known = Has(options, name) ? name : Nearest(name, options);
  const std::string where = absl::StrCat(command.get_name(), ": ", word, " is not expected; ");
  const std::string help = absl::StrCat("tributary ", command.get_name(), " --help lists what is");
  if (known.empty() || (!dashed && equals == std::string::npos)) return where + help;
  const std::string value = equals == std::string::npos ? "" : " " + word.substr(equals + 1);
  return absl::StrCat(where, "did you mean --", known, value, "?");
}

}  // namespace

std::string ExplainParseError(const CLI::App& app, const std::vector<std::string>& arguments,
                              const CLI::ParseError& error) {
  if (!arguments.empty() && !absl::StartsWith(arguments[0], "-") &&
      !Has(CommandsOf(app), arguments[0])) {
    return UnknownCommand(app, arguments[0]);
  }
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  if (parsed.empty()) return "";
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (Is(error, CLI::ExitCodes::ExtrasError) && !rest.empty()) {
    return UnknownArgument(*parsed[0], rest[0]);
  }
  if (!Is(error, CLI::ExitCodes::ArgumentMismatch) || arguments.empty()) return "";
  // CLI11 tells the option at the beginning, and then a count and a type.
  const std::string what = error.what();
  const std::string option = what.substr(0, what.find(':'));
  const auto times = std::count_if(arguments.begin(), arguments.end(), [&](const auto& argument) {
    return argument == option || absl::StartsWith(argument, option + "=");
  });
  if (times > 1) return absl::StrCat(parsed[0]->get_name(), ": ", option, " is given twice");
  return absl::StrCat(parsed[0]->get_name(), ": ", option, " needs a value, as in ", option,
                      " VALUE");
}

}  // namespace tributary
