#include "common/rpc/protocol.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(ProtocolTest, AcceptsEachUnderstoodVersion) {
  for (uint32_t version = kOldestProtocolVersion; version <= kProtocolVersion; ++version) {
    EXPECT_TRUE(CheckProtocol(version, "client a").ok());
  }
}

TEST(ProtocolTest, SaysWhichSideToUpdate) {
  const absl::Status old = CheckProtocol(kOldestProtocolVersion - 1, "client a");
  EXPECT_EQ(old.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(old.message()), HasSubstr("update client a"));
  const absl::Status young = CheckProtocol(kProtocolVersion + 1, "client a");
  EXPECT_THAT(std::string(young.message()), HasSubstr("update this side"));
}

TEST(ClientNameTest, AcceptsWhatIsAFolderAndACertificateName) {
  for (const char* name : {"a", "site-3", "Icon_names.00", "..."}) {
    EXPECT_TRUE(CheckClientName(name).ok()) << name;
  }
  EXPECT_TRUE(CheckClientName(std::string(64, 'x')).ok());
}

TEST(ClientNameTest, RefusesPathsControlCharactersAndLongNames) {
  for (const char* name : {"", ".", "..", "a/b", "../x", "a b", "a\n", "caf\xc3\xa9"}) {
    EXPECT_EQ(CheckClientName(name).code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(CheckClientName(std::string(65, 'x')).ok());
  EXPECT_FALSE(CheckClientName(absl::string_view("a\0b", 3)).ok());
}

TEST(ClientNameTest, MessageQuotesTheNameWithoutControlCharacters) {
  const absl::Status status = CheckClientName("a\x1b[2J");
  EXPECT_THAT(std::string(status.message()), HasSubstr("a\\033[2J"));
}

}  // namespace
}  // namespace tributary
