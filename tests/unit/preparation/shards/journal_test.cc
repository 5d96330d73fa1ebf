#include "preparation/shards/journal.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class JournalTest : public testing::Test {
 protected:
  void Write(size_t images) {
    Journal journal(path_, "print", {});
    for (size_t i = 0; i < images; ++i) {
      journal.Append({.bytes = i, .content = i + 1, .skipped = i == 1 ? "cut \"short\"\n" : ""});
    }
    ASSERT_TRUE(journal.Flush().ok());
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "a.journal";
};

TEST_F(JournalTest, WhatIsAppendedIsRead) {
  Write(3);
  const std::vector<ImageOutcome> outcomes = ReadJournal(path_, "print", 10);
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[2].bytes, 2U);
  EXPECT_EQ(outcomes[2].content, 3U);
  EXPECT_EQ(outcomes[2].skipped, "");
  EXPECT_EQ(outcomes[1].skipped, "cut \"short\"\n");
  EXPECT_EQ(ReadJournal(path_, "print", 2).size(), 2U);
}

TEST_F(JournalTest, AnotherPreparationsJournalCountsForNothing) {
  Write(3);
  EXPECT_TRUE(ReadJournal(path_, "other", 10).empty());
  EXPECT_TRUE(ReadJournal(scratch_ / "none", "print", 10).empty());
}

TEST_F(JournalTest, WhereverItIsCutWholeLinesRemain) {
  Write(3);
  const std::string whole = *ReadFile(path_);
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path_, std::ios::binary) << whole.substr(0, length);
    const size_t lines = static_cast<size_t>(
        std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length), '\n'));
    EXPECT_EQ(ReadJournal(path_, "print", 10).size(), lines == 0 ? 0 : lines - 1) << length;
  }
}

TEST_F(JournalTest, WhatIsSpecialOfAnImageIsKept) {
  const ImageTraits traits = {
      .orientation = 6, .more_frames = true, .deep = true, .lowest = 3, .highest = 4095};
  Journal journal(path_, "print", {{.bytes = 1, .skipped = "", .traits = traits}, {}});
  ASSERT_TRUE(journal.Flush().ok());
  const std::vector<ImageOutcome> outcomes = ReadJournal(path_, "print", 10);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].traits.orientation, 6);
  EXPECT_TRUE(outcomes[0].traits.more_frames);
  EXPECT_EQ(outcomes[0].traits.lowest, 3);
  EXPECT_EQ(outcomes[0].traits.highest, 4095);
  EXPECT_EQ(outcomes[1].traits.orientation, 1);
  EXPECT_FALSE(outcomes[1].traits.deep);
}

}  // namespace
}  // namespace tributary
