#include "common/base/host_port.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(HostPortTest, TakesHostsOfEveryKind) {
  for (const char* address :
       {"localhost:1", "10.0.0.1:65535", "[::1]:7700", "a.b-c.d:80", "0.0.0.0:7700", "[::]:443"}) {
    EXPECT_TRUE(CheckHostPort(address, 1).ok()) << address;
  }
}

TEST(HostPortTest, RefusesWhatGrpcWouldTakeForAnotherAddress) {
  for (const char* address :
       {"127.0.0.1:99999", "127.0.0.1", "unix:/tmp/t.sock", "", ":7700", "host:", "host:77x",
        "host:-1", "host:+1", "host:65536", "::1:7700", "[::1:7700", "[]:7700", "ho st:1",
        "dns:///host:1", "host:7700\n", "host:123456789012"}) {
    const absl::Status status = CheckHostPort(address, 0);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr("HOST:PORT")) << address;
  }
}

TEST(HostPortTest, PortZeroIsForListening) {
  EXPECT_TRUE(CheckHostPort("127.0.0.1:0", 0).ok());
  EXPECT_FALSE(CheckHostPort("127.0.0.1:0", 1).ok());
}

}  // namespace
}  // namespace tributary
