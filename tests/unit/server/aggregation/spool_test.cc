#include "server/aggregation/spool.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

std::string ReadChunk(const Spool& spool, size_t index) {
  std::string buffer;
  const absl::StatusOr<absl::string_view> chunk = spool.Read(index, &buffer);
  EXPECT_TRUE(chunk.ok()) << chunk.status();
  return chunk.ok() ? std::string(*chunk) : "";
}

class SpoolTest : public testing::Test {
 protected:
  const ScratchFolder scratch_;
};

TEST_F(SpoolTest, StaysInMemoryWithinItsBudget) {
  SpoolBudget budget(100);
  Spool spool(scratch_ / "memory", &budget);
  ASSERT_TRUE(spool.Append(std::string(60, 'a')).ok());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "memory"));
  EXPECT_EQ(ReadChunk(spool, 0), std::string(60, 'a'));
}

TEST_F(SpoolTest, GoesToItsFileBeyondTheBudgetAndRemovesItAtTheEnd) {
  SpoolBudget budget(100);
  {
    Spool spool(scratch_ / "file", &budget);
    for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(spool.Append(std::string(60, c)).ok());
    EXPECT_TRUE(std::filesystem::exists(scratch_ / "file"));
    EXPECT_EQ(ReadChunk(spool, 0), std::string(60, 'a'));
    EXPECT_EQ(ReadChunk(spool, 1), std::string(60, 'b'));
    EXPECT_EQ(ReadChunk(spool, 2), std::string(60, 'c'));
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

TEST_F(SpoolTest, FreeingAChunkGivesItsBudgetBackAtOnce) {
  SpoolBudget budget(100);
  Spool spool(scratch_ / "freed", &budget);
  ASSERT_TRUE(spool.Append(std::string(60, 'a')).ok());
  ASSERT_TRUE(spool.Append(std::string(40, 'b')).ok());
  spool.Free(0);
  EXPECT_TRUE(budget.Take(60));
  EXPECT_FALSE(budget.Take(1));
  EXPECT_EQ(ReadChunk(spool, 1), std::string(40, 'b'));
  spool.Free(0);
  EXPECT_FALSE(budget.Take(1)) << "freed twice";
}

TEST_F(SpoolTest, BuffersThatAreHeldAndKeptAreWithinTheBudgetTogether) {
  SpoolBudget budget(1000);
  Spool spool(scratch_ / "held", &budget);
  ASSERT_TRUE(spool.Append(std::string(600, 'a')).ok());
  budget.PutBuffer(std::string(600, 'b'));
  EXPECT_EQ(budget.TakeBuffer().capacity(), std::string().capacity()) << "there was no room for it";
  spool.Free(0);
  EXPECT_GE(budget.TakeBuffer().capacity(), 600u);
}

TEST_F(SpoolTest, AReservedSpoolNeverMeetsItsFile) {
  SpoolBudget budget(100);
  Spool reserved(scratch_ / "reserved", &budget), other(scratch_ / "other", &budget);
  EXPECT_FALSE(reserved.Reserve(101));
  ASSERT_TRUE(reserved.Reserve(90));
  ASSERT_TRUE(other.Append(std::string(20, 'o')).ok());
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "other"));
  ASSERT_TRUE(reserved.Append(std::string(50, 'a')).ok());
  ASSERT_TRUE(reserved.Append(std::string(40, 'b')).ok());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "reserved"));
}

TEST_F(SpoolTest, ReservesNoMoreThanOneSpoolMayAndPutsTheRestIntoItsFile) {
  SpoolBudget budget(100, /*most_reserved=*/60);
  Spool spool(scratch_ / "large", &budget);
  ASSERT_TRUE(spool.Reserve(1000));
  EXPECT_FALSE(budget.Take(41));
  ASSERT_TRUE(budget.Take(40)) << "another spool's";
  for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(spool.Append(std::string(30, c)).ok());
  EXPECT_EQ(std::filesystem::file_size(scratch_ / "large"), 30u);
  EXPECT_EQ(ReadChunk(spool, 1), std::string(30, 'b'));
  EXPECT_EQ(ReadChunk(spool, 2), std::string(30, 'c'));
}

TEST(SpoolBytesTest, IsOneUploadOrSeveralSmallOnesOrMostOfALargeOne) {
  constexpr int64_t kMiB = 1 << 20;
  EXPECT_EQ(SpoolBytes(1000), 48 * kMiB);
  EXPECT_EQ(SpoolBytes(90 * kMiB), 90 * kMiB);
  EXPECT_EQ(SpoolBytes(96 * kMiB), 96 * kMiB);
  EXPECT_EQ(SpoolBytes(208 * kMiB), 180 * kMiB);
  EXPECT_EQ(SpoolBytes(3200 * kMiB), 2424 * kMiB);
}

TEST_F(SpoolTest, WhatIsReservedAlreadyIsNotTakenAgain) {
  SpoolBudget budget(100);
  Spool spool(scratch_ / "again", &budget);
  ASSERT_TRUE(spool.Reserve(100));
  ASSERT_TRUE(spool.Append(std::string(30, 'a')).ok());
  EXPECT_TRUE(spool.Reserve(70)) << "a resumed upload asks for the rest that it has";
  spool.Clear();
  EXPECT_TRUE(budget.Take(100));
  EXPECT_FALSE(budget.Take(1));
}

TEST_F(SpoolTest, AFullDiskIsReportedAndWhatWasHeldStays) {
  SpoolBudget budget(10);
  const std::string link = scratch_ / "full";  // removed with the spool; /dev/full must not be
  std::filesystem::create_symlink("/dev/full", link);
  Spool spool(link, &budget);
  ASSERT_TRUE(spool.Append("in memory").ok());
  EXPECT_EQ(spool.Append("too much for memory").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(spool.size(), 1u);
  EXPECT_EQ(ReadChunk(spool, 0), "in memory");
}

}  // namespace
}  // namespace tributary
