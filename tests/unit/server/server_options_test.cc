#include "server/server_options.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Parsed = absl::StatusOr<std::optional<ServerOptions>>;

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tributary-server");
  return ParseServerOptions(static_cast<int>(arguments.size()), arguments.data());
}

// `more` after what is needed.
Parsed ParseWith(const std::vector<const char*>& more) {
  std::vector<const char*> arguments = {"--run", "run.toml", "--state", "state"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Parse(arguments);
}

TEST(ServerOptionsTest, TakesWhatIsNeededAndHasDefaultsForTheRest) {
  const Parsed parsed = ParseWith({});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ServerOptions& options = **parsed;
  EXPECT_EQ(options.run, "run.toml");
  EXPECT_EQ(options.state, "state");
  EXPECT_EQ(options.listen, "");
  EXPECT_THAT(options.overrides, IsEmpty());
  EXPECT_FALSE(options.json);
}

TEST(ServerOptionsTest, TakesEveryFlag) {
  const Parsed parsed = ParseWith({"--listen", "0.0.0.0:0", "--json"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->listen, "0.0.0.0:0");
  EXPECT_TRUE((*parsed)->json);
}

TEST(ServerOptionsTest, AnAddressWithoutAUsablePortIsRefused) {
  for (const char* address : {"127.0.0.1:99999", "127.0.0.1", "unix:/tmp/t.sock"}) {
    const Parsed parsed = ParseWith({"--listen", address});
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("--listen: "));
  }
}

TEST(ServerOptionsTest, VariablesStandInForFlags) {
  setenv("TRIBUTARY_RUN", "run.toml", 1);
  setenv("TRIBUTARY_STATE", "state", 1);
  setenv("TRIBUTARY_LISTEN", "0.0.0.0:7700", 1);
  setenv("TRIBUTARY_JSON", "true", 1);
  const Parsed parsed = Parse({});
  const Parsed by_flag = Parse({"--listen", "127.0.0.1:0"});
  for (const char* name :
       {"TRIBUTARY_RUN", "TRIBUTARY_STATE", "TRIBUTARY_LISTEN", "TRIBUTARY_JSON"})
    unsetenv(name);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->run, "run.toml");
  EXPECT_EQ((*parsed)->state, "state");
  EXPECT_EQ((*parsed)->listen, "0.0.0.0:7700");
  EXPECT_TRUE((*parsed)->json);
  EXPECT_EQ((*by_flag)->listen, "127.0.0.1:0");
}

TEST(ServerOptionsTest, ValuesAreSetInTheOrderGiven) {
  const Parsed parsed =
      ParseWith({"--set", "seed=1", "--json", "--set", "local.epochs=2", "--set=seed=3"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT((*parsed)->overrides, ElementsAre("seed=1", "local.epochs=2", "seed=3"));
  EXPECT_TRUE((*parsed)->json);
}

TEST(ServerOptionsTest, EachSetTakesOneValue) {
  const Parsed parsed = ParseWith({"--set", "seed=1", "rounds=2"});
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("rounds=2"));
}

TEST(ServerOptionsTest, RefusesWrongUseWithTheFlagsName) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {{{"--rounds", "3"}, "--rounds"},
                                                                    {{"surplus"}, "surplus"},
                                                                    {{"--listen"}, "--listen"},
                                                                    {{"--set"}, "--set"}};
  for (const auto& [arguments, word] : cases) {
    const Parsed parsed = ParseWith(arguments);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(word));
  }
}

TEST(ServerOptionsTest, RunFileAndStateFolderAreNeeded) {
  EXPECT_THAT(std::string(Parse({"--state", "s"}).status().message()), HasSubstr("--run"));
  EXPECT_THAT(std::string(Parse({"--run", "r"}).status().message()), HasSubstr("--state"));
}

TEST(ServerOptionsTest, HelpAndVersionAskForNothingElse) {
  for (const char* flag : {"--help", "--version"}) {
    testing::internal::CaptureStdout();
    const Parsed parsed = Parse({flag});
    const std::string text = testing::internal::GetCapturedStdout();
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_FALSE(parsed->has_value());
    EXPECT_FALSE(text.empty()) << flag;
  }
}

}  // namespace
}  // namespace tributary
