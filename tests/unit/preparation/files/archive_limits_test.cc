#include "preparation/files/archive_limits.h"

#include <cstdint>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tributary {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

TEST(ArchiveLimitsTest, SmallArchivesMayGrowToAGibibyteAndLargerOnesTwoHundredfold) {
  EXPECT_EQ(MostUnpacked(0), kGiB);
  EXPECT_EQ(MostUnpacked(1000), kGiB);
  EXPECT_EQ(MostUnpacked(kGiB), 200 * kGiB);
}

TEST(ArchiveLimitsTest, NamesAreBroughtToOneForm) {
  const std::pair<const char*, const char*> names[] = {{"a/b.txt", "a/b.txt"},
                                                       {"./a//b.txt", "a/b.txt"},
                                                       {"a/./b.txt", "a/b.txt"},
                                                       {"..a/b..", "..a/b.."}};
  for (const auto& [name, expected] : names) EXPECT_EQ(NameInTree(name), expected) << name;
}

TEST(ArchiveLimitsTest, NamesThatLeadOutAndFoldersHaveNone) {
  for (const char* name : {"", "/etc/passwd", "..", "../x", "a/../x", "a/..", "folder/", "./"}) {
    EXPECT_EQ(NameInTree(name), "") << name;
  }
}

}  // namespace
}  // namespace tributary
