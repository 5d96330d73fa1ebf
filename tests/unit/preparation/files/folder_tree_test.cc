#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "preparation/files/file_tree.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FolderTreeTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomically(scratch_ / name, content).ok());
  }

  ScratchFolder scratch_;
};

TEST_F(FolderTreeTest, ListsFilesSortedAndReadsRanges) {
  ASSERT_TRUE(EnsureWritableFolder(scratch_ / "a/b").ok());
  Put("z.txt", "zed");
  Put("a/b/c.txt", "content");
  const auto tree = FileTree::Open(scratch_.path(), "");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_THAT((*tree)->names(), ElementsAre("a/b/c.txt", "z.txt"));
  EXPECT_EQ((*tree)->Find("z.txt"), 1U);
  EXPECT_FALSE((*tree)->Find("y.txt").has_value());
  EXPECT_EQ(*(*tree)->Read(0), "content");
  EXPECT_EQ(*(*tree)->Read(0, 3, 2), "te");
}

TEST_F(FolderTreeTest, AFileCutShortIsNamed) {
  Put("short", "abc");
  const auto tree = FileTree::Open(scratch_.path(), "");
  const auto bytes = (*tree)->Read(0, 2, 2);
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("short"));
}

TEST_F(FolderTreeTest, AMissingFolderIsNotFound) {
  EXPECT_EQ(FileTree::Open(scratch_ / "none", "").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tributary
