#include "common/base/file.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class FileTest : public testing::Test {
 protected:
  const ScratchFolder scratch_;
  const std::string& folder_ = scratch_.path();
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/f", content).ok());
  EXPECT_EQ(*ReadFile(folder_ + "/f"), content);
}

TEST_F(FileTest, ReplacesTheOldContentAndLeavesNoPart) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/f", "a longer first content").ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/f", "second").ok());
  EXPECT_EQ(*ReadFile(folder_ + "/f"), "second");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/f.part"));
}

TEST_F(FileTest, AFileThatIsWrittenOverKeepsNothingOfItsOldContent) {
  const std::string path = scratch_ / "new", old = scratch_ / "old";
  ASSERT_TRUE(WriteFileAtomically(old, "a longer content than the new one").ok());
  for (const char* content : {"first", "second"}) {  // there is nothing to recycle the second time
    AtomicFile file(path, old);
    ASSERT_TRUE(file.Write(content).ok());
    ASSERT_TRUE(std::move(file).Commit().ok());
    EXPECT_EQ(*ReadFile(path), content);
    EXPECT_FALSE(std::filesystem::exists(old));
  }
}

TEST_F(FileTest, NamesTheFileThatIsMissing) {
  const auto content = ReadFile(folder_ + "/missing");
  EXPECT_EQ(content.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(content.status().message().find("missing"), std::string::npos);
}

TEST_F(FileTest, RefusesToReadAFolder) {
  EXPECT_EQ(ReadFile(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FileTest, KeepsTheOldContentWhenTheDiskIsFull) {
  // /dev/full takes no byte: writing through a link to it fails as a full disk does.
  ASSERT_EQ(symlink("/dev/full", (folder_ + "/f.part").c_str()), 0);
  ASSERT_EQ(symlink("kept", (folder_ + "/f").c_str()), 0);
  const absl::Status status = WriteFileAtomically(folder_ + "/f", "content");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(std::filesystem::read_symlink(folder_ + "/f"), "kept");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder_ + "/f.part")));
}

TEST_F(FileTest, CreatesFoldersWithTheirParents) {
  EXPECT_TRUE(EnsureWritableFolder(folder_ + "/a/b/c").ok());
  EXPECT_TRUE(std::filesystem::is_directory(folder_ + "/a/b/c"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/a/b/c"));
}

TEST_F(FileTest, ReportsAFolderThatCannotBeMade) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/f", "").ok());
  EXPECT_FALSE(EnsureWritableFolder(folder_ + "/f/below").ok());
  EXPECT_FALSE(EnsureWritableFolder("/proc/none").ok());
}

}  // namespace
}  // namespace tributary
