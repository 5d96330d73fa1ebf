#include "client/daemon/options.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

using Parsed = absl::StatusOr<std::optional<ClientOptions>>;

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tributary-client");
  return ParseClientOptions(static_cast<int>(arguments.size()), arguments.data());
}

std::vector<const char*> Needed() {
  return {"--server", "c.example.org:7700", "--data", "d", "--state", "s", "--name", "site-1"};
}

Parsed ParseWith(const std::vector<const char*>& more) {
  std::vector<const char*> arguments = Needed();
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Parse(arguments);
}

TEST(OptionsTest, TakesWhatIsNeededAndHasDefaultsForTheRest) {
  const Parsed parsed = Parse(Needed());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ClientOptions& options = **parsed;
  EXPECT_EQ(options.server, "c.example.org:7700");
  EXPECT_EQ(options.device, "auto");
  EXPECT_GE(options.threads, 1);
  EXPECT_GE(options.loader_threads, 1);
  EXPECT_FALSE(options.json);
  EXPECT_FALSE(options.tls.insecure);
  EXPECT_EQ(options.connect_timeout, absl::Minutes(10));
  EXPECT_EQ(options.reconnect_timeout, absl::Hours(24));
}

TEST(OptionsTest, TakesEveryFlag) {
  const Parsed parsed = ParseWith({"--device",
                                   "cuda:1",
                                   "--threads",
                                   "3",
                                   "--loader-threads",
                                   "5",
                                   "--tls-cert",
                                   "a",
                                   "--tls-key",
                                   "b",
                                   "--tls-ca",
                                   "c",
                                   "--insecure",
                                   "--vocabulary",
                                   "v",
                                   "--json",
                                   "--connect-timeout",
                                   "1.5",
                                   "--reconnect-timeout",
                                   "7"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ClientOptions& options = **parsed;
  EXPECT_EQ(options.device, "cuda:1");
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.loader_threads, 5);
  EXPECT_EQ(options.tls.certificate + options.tls.key + options.tls.authority, "abc");
  EXPECT_TRUE(options.tls.insecure);
  EXPECT_EQ(options.vocabulary, "v");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.connect_timeout, absl::Seconds(1.5));
  EXPECT_EQ(options.reconnect_timeout, absl::Seconds(7));
}

TEST(OptionsTest, AnEnvironmentVariableStandsInForAFlagThatIsNotGiven) {
  setenv("TRIBUTARY_DEVICE", "cuda", 1);
  setenv("TRIBUTARY_INSECURE", "true", 1);
  const Parsed from_environment = Parse(Needed());
  const Parsed from_flag = ParseWith({"--device", "cpu"});
  unsetenv("TRIBUTARY_DEVICE");
  unsetenv("TRIBUTARY_INSECURE");
  ASSERT_TRUE(from_environment.ok()) << from_environment.status();
  EXPECT_EQ((*from_environment)->device, "cuda");
  EXPECT_TRUE((*from_environment)->tls.insecure);
  EXPECT_EQ((*from_flag)->device, "cpu");
}

TEST(OptionsTest, RefusesWrongUseWithTheFlagsName) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"--treads", "3"}, "--treads"},
      {{"--threads", "-1"}, "--threads"},
      {{"--threads", "many"}, "--threads"},
      {{"--loader-threads", "-1"}, "--loader-threads"},
      {{"--connect-timeout", "0"}, "--connect-timeout"},
      {{"--connect-timeout", "nan"}, "--connect-timeout"},
      {{"surplus"}, "surplus"}};
  for (const auto& [arguments, word] : cases) {
    const Parsed parsed = ParseWith(arguments);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(word));
  }
  EXPECT_THAT(std::string(Parse({}).status().message()), HasSubstr("required"));
}

TEST(OptionsTest, RefusesWhatIsNoAddressAndNoName) {
  for (const char* address : {"", "host", "host:", ":7700", "host:0", "host:65536", "host:77x",
                              "host:123456", "host:-1"}) {
    std::vector<const char*> arguments = Needed();
    arguments[1] = address;
    EXPECT_EQ(Parse(arguments).status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
  std::vector<const char*> arguments = Needed();
  arguments[7] = "../etc";
  EXPECT_EQ(Parse(arguments).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(OptionsTest, HelpAndVersionAskForNothingElse) {
  for (const char* flag : {"--help", "--version"}) {
    const Parsed parsed = Parse({flag});
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_FALSE(parsed->has_value());
  }
}

}  // namespace
}  // namespace tributary
