#include "tool/environment_names.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(EnvironmentNamesTest, EachLongFlagHasTheVariableOfItsName) {
  CLI::App app;
  app.set_version_flag("--version", "1");
  CLI::App* below = app.add_subcommand("plan", "");
  std::string text, own, path;
  below->add_option("--two-words,-t", text, "");
  below->add_option("--own", own, "")->envname("ANOTHER");
  below->add_option("path", path, "");
  NameVariables(&app);
  EXPECT_EQ(below->get_option("--two-words")->get_envname(), "TRIBUTARY_TWO_WORDS");
  EXPECT_EQ(below->get_option("--own")->get_envname(), "ANOTHER");
  EXPECT_EQ(below->get_option("path")->get_envname(), "");
  EXPECT_EQ(app.get_option("--version")->get_envname(), "");
  setenv("TRIBUTARY_TWO_WORDS", "from outside", 1);
  app.parse("plan");
  unsetenv("TRIBUTARY_TWO_WORDS");
  EXPECT_EQ(text, "from outside");
}

}  // namespace
}  // namespace tributary
