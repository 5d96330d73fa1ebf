#include "common/base/file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "common/base/random.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::string Noise(size_t size) {
  RandomStream stream(1, "file_test");
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(stream.Next());
  return bytes;
}

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

TEST_F(FileTest, PiecesOfAnySizeAddUpToTheWhole) {
  // The file is written in pieces of 64 KiB: around one, and around the megabyte after which the
  // disk is told to begin.
  const std::string content = Noise((2 << 20) + 12'345);
  for (const size_t piece : {size_t{1'000}, size_t{65'535}, size_t{65'536}, size_t{65'537},
                             size_t{1} << 20, content.size()}) {
    AtomicFile file(scratch_ / "f");
    for (size_t begin = 0; begin < content.size(); begin += piece) {
      const std::string next = content.substr(begin, piece);
      ASSERT_TRUE(file.Write(next).ok());
      ASSERT_EQ(file.checksum(), Checksum(content.substr(0, begin + next.size())));
    }
    ASSERT_TRUE(std::move(file).Commit().ok());
    EXPECT_EQ(*ReadFile(scratch_ / "f"), content) << "in pieces of " << piece;
  }
}

TEST_F(FileTest, AnEmptyFileIsAFile) {
  AtomicFile file(scratch_ / "f");
  EXPECT_TRUE(file.Write("").ok());
  EXPECT_EQ(file.checksum(), Checksum(""));
  ASSERT_TRUE(std::move(file).Commit().ok());
  EXPECT_EQ(*ReadFile(scratch_ / "f"), "");
}

TEST_F(FileTest, WithoutACommitTheOldContentStays) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "f", "old").ok());
  {
    AtomicFile file(scratch_ / "f");
    ASSERT_TRUE(file.Write(Noise(1 << 20)).ok());
    EXPECT_TRUE(std::filesystem::exists(scratch_ / "f.part"));
    EXPECT_EQ(*ReadFile(scratch_ / "f"), "old");
  }
  EXPECT_EQ(*ReadFile(scratch_ / "f"), "old");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "f.part"));
}

TEST_F(FileTest, AnErrorIsGivenAgain) {
  ASSERT_EQ(symlink("/dev/full", (scratch_ / "f.part").c_str()), 0);
  AtomicFile file(scratch_ / "f");
  const absl::Status full = file.Write(Noise(1 << 16));
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted) << full;
  EXPECT_EQ(file.Write("x"), full);
  EXPECT_EQ(file.Write(""), full);
  EXPECT_EQ(std::move(file).Commit(), full);
}

TEST_F(FileTest, AFolderThatIsNotThereIsNamedOnWriting) {
  const std::string path = scratch_ / "none/f";
  const absl::Status status = WriteFileAtomically(path, "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
}

TEST_F(FileTest, AFolderIsNotReplacedByAFile) {
  ASSERT_TRUE(EnsureWritableFolder(scratch_ / "f/below").ok());
  const absl::Status status = WriteFileAtomically(scratch_ / "f", "x");
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write"));
  EXPECT_TRUE(std::filesystem::is_directory(scratch_ / "f/below"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "f.part"));
}

TEST_F(FileTest, ARecycledFileIsGoneEvenIfNothingIsCommitted) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "spare", "spare").ok());
  { const AtomicFile file(scratch_ / "f", scratch_ / "spare"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(FileTest, ARecycledFileKeepsItsPlaceOnTheDisk) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "spare", "spare").ok());
  struct stat before, after;
  ASSERT_EQ(stat((scratch_ / "spare").c_str(), &before), 0);
  AtomicFile file(scratch_ / "f", scratch_ / "spare");
  ASSERT_TRUE(file.Write("abc").ok());
  ASSERT_TRUE(std::move(file).Commit().ok());
  ASSERT_EQ(stat((scratch_ / "f").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(after.st_size, 3);
}

TEST_F(FileTest, ANameWithoutAFolderLiesInTheWorkingOne) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  const absl::Status written = WriteFileAtomically("plain", "here");
  const absl::Status synced = SyncFile("plain");
  std::filesystem::current_path(before);
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_TRUE(synced.ok()) << synced;
  EXPECT_EQ(*ReadFile(scratch_ / "plain"), "here");
}

TEST_F(FileTest, SyncingNamesAFileThatIsMissing) {
  std::ofstream(scratch_ / "f") << "x";
  EXPECT_TRUE(SyncFile(scratch_ / "f").ok());
  const absl::Status status = SyncFile(scratch_ / "none");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(scratch_ / "none"));
}

TEST_F(FileTest, NothingLiesBelowAFile) {
  std::ofstream(scratch_ / "f") << "x";
  EXPECT_EQ(ReadFile(scratch_ / "f/below").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, AFolderThatIsThereMayBeAskedForAgain) {
  std::ofstream(scratch_ / "kept") << "x";
  EXPECT_TRUE(EnsureWritableFolder(folder_).ok());
  EXPECT_TRUE(EnsureWritableFolder(folder_).ok());
  EXPECT_EQ(*ReadFile(scratch_ / "kept"), "x");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / ".probe"));
}

TEST_F(FileTest, AFolderThatTakesNoFileIsNamed) {
  const absl::Status status = EnsureWritableFolder("/proc");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("folder /proc is not writable"));
}

}  // namespace
}  // namespace tributary
