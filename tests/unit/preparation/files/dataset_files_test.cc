#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "preparation/files/file_tree.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DatasetFilesTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content) {
    const std::string path = scratch_ / name;
    ASSERT_TRUE(EnsureWritableFolder(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  }
  DatasetFiles OpenRoot() { return *DatasetFiles::Open(scratch_.path(), scratch_.path()); }
  static std::string ContentOf(const absl::StatusOr<LocatedFile>& located) {
    return located.ok() ? *located->tree->Read(located->file) : located.status().ToString();
  }

  ScratchFolder scratch_;
};

TEST_F(DatasetFilesTest, APartIsFoundAtTheTopInAFolderAndInAnArchive) {
  Put("here.txt", "top");
  Put("folder/inner/there.txt", "inner");
  WriteArchive(scratch_ / "data.zip", {{"packed/far.txt", "packed"}});
  DatasetFiles files = OpenRoot();
  EXPECT_EQ(ContentOf(files.Locate("here.txt")), "top");
  EXPECT_EQ(ContentOf(files.Locate("there.txt")), "inner");
  EXPECT_EQ(files.Locate("there.txt")->prefix, "folder/inner/");
  EXPECT_EQ(ContentOf(files.Locate("inner/there.txt")), "inner");
  EXPECT_EQ(ContentOf(files.Locate("far.txt")), "packed");
  EXPECT_EQ(files.Locate("far.txt")->prefix, "packed/");
}

TEST_F(DatasetFilesTest, ThreeFoldersDeepIsTooDeep) {
  Put("a/b/c/deep.txt", "x");
  EXPECT_EQ(OpenRoot().Locate("deep.txt").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DatasetFilesTest, AFolderIsPreferredToAnArchiveAndTheShallowestToADeeperOne) {
  WriteArchive(scratch_ / "part.zip", {{"part.txt", "archive"}});
  Put("a/b/part.txt", "deeper");
  Put("z/part.txt", "shallow");
  EXPECT_EQ(ContentOf(OpenRoot().Locate("part.txt")), "shallow");
}

TEST_F(DatasetFilesTest, TheRootMayBeTheArchive) {
  WriteArchive(scratch_ / "data.tar.gz", {{"set/part.txt", "packed"}});
  auto files = DatasetFiles::Open(scratch_ / "data.tar.gz", scratch_.path());
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(ContentOf(files->Locate("part.txt")), "packed");
}

// A damaged archive that nobody needs is in nobody's way, nor is another that has such a file.
TEST_F(DatasetFilesTest, AnArchiveOfAResemblingNameIsOpenedFirst) {
  Put("aaa.zip", "PK\x03\x04 but no zip");
  WriteArchive(scratch_ / "bbb.zip", {{"cifar-100-binary/train.bin", "of another"}});
  WriteArchive(scratch_ / "cifar-100-binary.tar.gz", {{"cifar-100-binary/train.bin", "records"}});
  DatasetFiles files = OpenRoot();
  EXPECT_EQ(ContentOf(files.Locate("cifar-100-binary/train.bin")), "records");
}

TEST_F(DatasetFilesTest, WhatIsMissingIsToldWithWhereItWasLookedFor) {
  WriteArchive(scratch_ / "other.zip", {{"other.txt", "x"}});
  DatasetFiles files = OpenRoot();
  const absl::Status status = files.LocateAny({"one.txt", "two.txt"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(scratch_.path()), HasSubstr("one.txt"),
                                                   HasSubstr("two.txt"), HasSubstr("other.zip")));
}

TEST_F(DatasetFilesTest, ADamagedArchiveIsTheReasonWhyAPartIsMissing) {
  WriteArchive(scratch_ / "data.tar.gz", {{"part.txt", std::string(1000, 'x')}});
  const std::string whole = *ReadFile(scratch_ / "data.tar.gz");
  Put("data.tar.gz", whole.substr(0, whole.size() / 2));
  const absl::Status status = OpenRoot().Locate("part.txt").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("part.txt"), HasSubstr("data.tar.gz")));
}

TEST_F(DatasetFilesTest, TheFirstNameThatIsThereCounts) {
  Put("second.txt", "2");
  Put("third.txt", "3");
  EXPECT_EQ(ContentOf(OpenRoot().LocateAny({"first.txt", "second.txt", "third.txt"})), "2");
}

TEST_F(DatasetFilesTest, AFolderIsFoundByWhatIsInIt) {
  Put("data/train/cat/1.png", "1");
  Put("trainer/dog/2.png", "2");
  const auto located = OpenRoot().LocateFolder("train");
  ASSERT_TRUE(located.ok()) << located.status();
  EXPECT_EQ(located->prefix, "data/train/");
  EXPECT_EQ(ContentOf(located), "1");
  EXPECT_FALSE(OpenRoot().LocateFolder("val").ok());
}

TEST_F(DatasetFilesTest, FilesAreFoundByExtension) {
  Put("readme.txt", "");
  WriteArchive(scratch_ / "images.zip", {{"cat/1.JPG", "jpeg"}});
  EXPECT_EQ(ContentOf(OpenRoot().LocateExtension({".png", ".jpg"})), "jpeg");
}

TEST_F(DatasetFilesTest, ARootThatIsMissingOrNoArchiveIsRefused) {
  EXPECT_EQ(DatasetFiles::Open(scratch_ / "none", "").status().code(), absl::StatusCode::kNotFound);
  Put("plain.txt", "text");
  EXPECT_EQ(DatasetFiles::Open(scratch_ / "plain.txt", scratch_.path()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
