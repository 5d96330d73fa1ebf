#include <filesystem>
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

TEST_F(FolderTreeTest, ALinkBackToAFolderThatItIsInIsLeftOut) {
  ASSERT_TRUE(EnsureWritableFolder(scratch_ / "a/b").ok());
  ASSERT_TRUE(EnsureWritableFolder(scratch_ / "c").ok());
  Put("a/b/1.txt", "");
  std::filesystem::create_directory_symlink(scratch_.path(), scratch_ / "a/b/up");
  std::filesystem::create_directory_symlink(scratch_ / "a/b", scratch_ / "c/linked");
  const auto tree = FileTree::Open(scratch_.path(), "");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_THAT((*tree)->names(), ElementsAre("a/b/1.txt", "c/linked/1.txt"));
  ASSERT_EQ((*tree)->left_out().size(), 2U);
  EXPECT_EQ((*tree)->left_out()[0].path, scratch_ / "a/b/up/");
  EXPECT_THAT((*tree)->left_out()[0].reason, HasSubstr("a link back"));
}

TEST_F(FolderTreeTest, LinksBetweenFoldersEndSomewhere) {
  for (int i = 0; i < 12; ++i) {
    const std::string folder = scratch_ / std::to_string(i);
    ASSERT_TRUE(EnsureWritableFolder(folder).ok());
    for (int j = 0; j < 12; ++j) {
      std::filesystem::create_directory_symlink(scratch_ / std::to_string(j),
                                                folder + "/" + std::to_string(j));
    }
  }
  const absl::Status status = FileTree::Open(scratch_.path(), "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("links lead to the same folders"));
}

}  // namespace
}  // namespace tributary
