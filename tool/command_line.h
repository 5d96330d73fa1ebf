// What is wrong with a command line, where CLI11's own words would leave a person to guess.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace tributary {

// One line for `error`, which parsing `arguments` (without the program's name) with `app` gave:
// names the nearest command or option for one that is misspelt, and the way to write NAME=VALUE.
// Empty where there is nothing to add to the error itself.
std::string ExplainParseError(const CLI::App& app, const std::vector<std::string>& arguments,
                              const CLI::ParseError& error);

}  // namespace tributary
