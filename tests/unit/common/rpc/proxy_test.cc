#include "common/rpc/proxy.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace tributary {
namespace {

Environment Of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
}

TEST(ProxyTest, WithoutAVariableThereIsNone) {
  EXPECT_FALSE(ProxyFor("example.org:7700", Of({})).has_value());
}

TEST(ProxyTest, LoopbackTrafficStaysOnTheMachine) {
  const Environment proxied = Of({{"http_proxy", "http://proxy:3128"}});
  for (const char* address :
       {"127.0.0.1:7700", "127.8.9.10:7700", "localhost:7700", "[::1]:7700"}) {
    EXPECT_FALSE(ProxyFor(address, proxied).has_value()) << address;
  }
  EXPECT_TRUE(ProxyFor("10.0.0.1:7700", proxied).has_value());
}

TEST(ProxyTest, TheFirstVariableCountsAsInGrpc) {
  const auto proxy = ProxyFor("example.org:7700", Of({{"http_proxy", "http://one:1"},
                                                      {"https_proxy", "http://two:2"},
                                                      {"grpc_proxy", "http://three:3"}}));
  ASSERT_TRUE(proxy.has_value());
  EXPECT_EQ(proxy->variable, "grpc_proxy");
  EXPECT_EQ(proxy->address, "three:3");
}

TEST(ProxyTest, ANameAndAPasswordAreNotShown) {
  const auto proxy =
      ProxyFor("example.org:7700", Of({{"https_proxy", "http://me:secret@proxy:3128/path"}}));
  ASSERT_TRUE(proxy.has_value());
  EXPECT_EQ(proxy->address, "proxy:3128");
}

TEST(ProxyTest, WhatGrpcDoesNotTakeAsAProxyIsNone) {
  for (const char* url : {"socks5://proxy:1080", "proxy:3128", "http://"}) {
    EXPECT_FALSE(ProxyFor("example.org:7700", Of({{"http_proxy", url}})).has_value()) << url;
  }
}

struct Exception {
  const char* address;
  const char* no_proxy;
  bool direct;
};

TEST(ProxyTest, NoProxyListsNamesAddressesNetworksAndEverything) {
  const Exception cases[] = {{"example.org:7700", "*", true},
                             {"example.org:7700", "other.net, example.org", true},
                             {"a.example.org:7700", ".example.org", true},
                             {"A.EXAMPLE.org:7700", "example.ORG", true},
                             {"example.org:7700", "example.com", false},
                             {"example.org:7700", " , ,", false},
                             {"10.1.2.3:7700", "10.0.0.0/8", true},
                             {"11.1.2.3:7700", "10.0.0.0/8", false},
                             {"10.1.2.3:7700", "10.1.2.3", true},
                             {"10.1.2.3:7700", "10.1.2.2/31", true},
                             {"10.1.2.4:7700", "10.1.2.2/31", false},
                             {"10.1.2.3:7700", "0.0.0.0/0", true},
                             {"10.1.2.3:7700", "10.0.0.0/33", false},
                             {"10.1.2.3:7700", "10.0.0.0/-1", false},
                             {"10.1.2.3:7700", "10.0.0.0/", false},
                             {"10.1.2.3:7700", "fd00::/8", false},
                             {"[fd12::5]:7700", "fd00::/8", true},
                             {"[fe80::5]:7700", "fd00::/8", false},
                             {"example.org:7700", "10.0.0.0/8", false}};
  for (const Exception& one : cases) {
    const auto proxy = ProxyFor(
        one.address, Of({{"http_proxy", "http://proxy:3128"}, {"no_proxy", one.no_proxy}}));
    EXPECT_EQ(!proxy.has_value(), one.direct) << one.address << " with " << one.no_proxy;
  }
}

TEST(ProxyTest, GrpcsOwnListComesBeforeTheCommonOne) {
  EXPECT_TRUE(ProxyFor("example.org:7700", Of({{"http_proxy", "http://proxy:3128"},
                                               {"no_grpc_proxy", "other.net"},
                                               {"no_proxy", "*"}}))
                  .has_value());
}

}  // namespace
}  // namespace tributary
