#include "tool/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

std::string Explained(std::vector<std::string> arguments) {
  CLI::App app("a tool");
  app.require_subcommand(1);
  int clients = 0;
  std::string partition;
  CLI::App* prepare = app.add_subcommand("prepare", "");
  prepare->add_option("--clients", clients);
  prepare->add_option("--partition", partition);
  app.add_subcommand("run", "");
  const std::vector<std::string> given = arguments;
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return ExplainParseError(app, given, error);
  }
  return "no error";
}

TEST(CommandLineTest, AMisspeltCommandIsToldTheNearest) {
  EXPECT_EQ(Explained({"runn"}), "no command \"runn\"; did you mean run?");
  EXPECT_EQ(Explained({"xyzzyxyzzy"}), "no command \"xyzzyxyzzy\"; there are prepare, run");
}

TEST(CommandLineTest, AnOptionIsToldHowItIsWritten) {
  EXPECT_EQ(Explained({"prepare", "clients=4"}),
            "prepare: clients=4 is not expected; did you mean --clients 4?");
  EXPECT_EQ(Explained({"prepare", "--client=4"}),
            "prepare: --client=4 is not expected; did you mean --clients 4?");
  EXPECT_EQ(Explained({"prepare", "--partitions", "iid"}),
            "prepare: --partitions is not expected; did you mean --partition?");
  EXPECT_EQ(Explained({"prepare", "word"}),
            "prepare: word is not expected; tributary prepare --help lists what is");
  EXPECT_EQ(Explained({"prepare", "--clients"}),
            "prepare: --clients needs a value, as in --clients VALUE");
  EXPECT_EQ(Explained({"prepare", "--clients", "4", "--clients=5"}),
            "prepare: --clients is given twice");
}

TEST(CommandLineTest, WhatIsClearInItselfIsLeftAlone) {
  EXPECT_EQ(Explained({"--help"}), "");
  EXPECT_EQ(Explained({}), "");
  EXPECT_EQ(Explained({"prepare", "--clients", "four"}), "");
  EXPECT_EQ(Explained({"prepare", "--clients", "4"}), "no error");
}

}  // namespace
}  // namespace tributary
