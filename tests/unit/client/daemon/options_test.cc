#include "client/daemon/options.h"

#include <cstddef>
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
  EXPECT_FALSE(options.stay);
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

TEST(OptionsTest, EveryFlagHasItsEnvironmentVariable) {
  const std::pair<const char*, const char*> variables[] = {
      {"TRIBUTARY_SERVER", "host:1"},     {"TRIBUTARY_DATA", "d"},
      {"TRIBUTARY_PUBLIC", "p"},          {"TRIBUTARY_STATE", "s"},
      {"TRIBUTARY_NAME", "site-9"},       {"TRIBUTARY_THREADS", "3"},
      {"TRIBUTARY_LOADER_THREADS", "4"},  {"TRIBUTARY_VOCABULARY", "v"},
      {"TRIBUTARY_TLS_CERT", "a"},        {"TRIBUTARY_TLS_KEY", "b"},
      {"TRIBUTARY_TLS_CA", "c"},          {"TRIBUTARY_JSON", "true"},
      {"TRIBUTARY_CONNECT_TIMEOUT", "7"}, {"TRIBUTARY_RECONNECT_TIMEOUT", "8"},
      {"TRIBUTARY_STAY", "true"}};
  for (const auto& [name, value] : variables) setenv(name, value, 1);
  const Parsed parsed = Parse({});
  for (const auto& [name, value] : variables) unsetenv(name);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ClientOptions& options = **parsed;
  EXPECT_EQ(options.server, "host:1");
  EXPECT_EQ(options.data, "d");
  EXPECT_EQ(options.public_set, "p");
  EXPECT_EQ(options.state, "s");
  EXPECT_EQ(options.name, "site-9");
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.loader_threads, 4);
  EXPECT_EQ(options.vocabulary, "v");
  EXPECT_EQ(options.tls.certificate + options.tls.key + options.tls.authority, "abc");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.connect_timeout, absl::Seconds(7));
  EXPECT_EQ(options.reconnect_timeout, absl::Seconds(8));
  EXPECT_TRUE(options.stay);
}

TEST(OptionsTest, AClientThatStaysHasNoLimitButTheOneThatIsGiven) {
  const Parsed stay = ParseWith({"--stay"});
  ASSERT_TRUE(stay.ok()) << stay.status();
  EXPECT_EQ((*stay)->connect_timeout, absl::InfiniteDuration());
  EXPECT_EQ((*stay)->reconnect_timeout, absl::InfiniteDuration());
  const Parsed limited = ParseWith({"--stay", "--connect-timeout", "600"});
  ASSERT_TRUE(limited.ok()) << limited.status();
  EXPECT_EQ((*limited)->connect_timeout, absl::Seconds(600));
  EXPECT_EQ((*limited)->reconnect_timeout, absl::InfiniteDuration());
}

TEST(OptionsTest, EachNeededFlagIsMissed) {
  for (size_t left_out = 0; left_out < Needed().size(); left_out += 2) {
    std::vector<const char*> arguments = Needed();
    const std::string flag = arguments[left_out];
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(left_out),
                    arguments.begin() + static_cast<std::ptrdiff_t>(left_out) + 2);
    const Parsed parsed = Parse(arguments);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << flag;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(flag));
  }
}

TEST(OptionsTest, AddressesOfEveryKindAreTaken) {
  for (const char* address : {"localhost:1", "10.0.0.1:65535", "[::1]:7700", "a.b-c.d:80"}) {
    std::vector<const char*> arguments = Needed();
    arguments[1] = address;
    EXPECT_TRUE(Parse(arguments).ok()) << address;
  }
}

TEST(OptionsTest, LimitsAreInclusive) {
  EXPECT_TRUE(ParseWith({"--threads", "1024"}).ok());
  EXPECT_FALSE(ParseWith({"--threads", "1025"}).ok());
  EXPECT_TRUE(ParseWith({"--loader-threads", "1024"}).ok());
  EXPECT_TRUE(ParseWith({"--reconnect-timeout", "31622400"}).ok()) << "366 days";
  for (const char* seconds : {"31622401", "-1", "0", "inf", "soon"}) {
    EXPECT_FALSE(ParseWith({"--reconnect-timeout", seconds}).ok()) << seconds;
  }
}

}  // namespace
}  // namespace tributary
