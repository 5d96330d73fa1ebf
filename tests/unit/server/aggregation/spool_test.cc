#include "server/aggregation/spool.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class SpoolTest : public testing::Test {
 protected:
  const ScratchFolder scratch_;
};

TEST_F(SpoolTest, StaysInMemoryWithinItsBudget) {
  SpoolBudget budget(100);
  Spool spool(scratch_ / "memory", &budget);
  ASSERT_TRUE(spool.Append(std::string(60, 'a')).ok());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "memory"));
  EXPECT_EQ(*spool.Read(0), std::string(60, 'a'));
}

TEST_F(SpoolTest, GoesToItsFileBeyondTheBudgetAndRemovesItAtTheEnd) {
  SpoolBudget budget(100);
  {
    Spool spool(scratch_ / "file", &budget);
    for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(spool.Append(std::string(60, c)).ok());
    EXPECT_TRUE(std::filesystem::exists(scratch_ / "file"));
    EXPECT_EQ(*spool.Read(0), std::string(60, 'a'));
    EXPECT_EQ(*spool.Read(1), std::string(60, 'b'));
    EXPECT_EQ(*spool.Read(2), std::string(60, 'c'));
    EXPECT_EQ(spool.bytes(), 180u);
  }
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "file"));
}

TEST_F(SpoolTest, GivesItsBudgetBack) {
  SpoolBudget budget(100);
  Spool first(scratch_ / "first", &budget);
  ASSERT_TRUE(first.Append(std::string(90, 'a')).ok());
  EXPECT_FALSE(budget.Take(20));
  first.Clear();
  EXPECT_TRUE(budget.Take(100));
}

TEST_F(SpoolTest, AFullDiskIsReportedAndWhatWasHeldStays) {
  SpoolBudget budget(10);
  const std::string link = scratch_ / "full";  // removed with the spool; /dev/full must not be
  std::filesystem::create_symlink("/dev/full", link);
  Spool spool(link, &budget);
  ASSERT_TRUE(spool.Append("in memory").ok());
  EXPECT_EQ(spool.Append("too much for memory").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(spool.size(), 1u);
  EXPECT_EQ(*spool.Read(0), "in memory");
}

}  // namespace
}  // namespace tributary
