#include "preparation/files/scratch_file.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "preparation/files/file_tree.h"
#include "preparation/files/scratch_tree.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ScratchFileTest, WhatIsAppendedIsReadInAnyRange) {
  const ScratchFolder scratch;
  const auto file = ScratchFile::Create(scratch.path());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("first ").ok());
  ASSERT_TRUE((*file)->Append("").ok());
  ASSERT_TRUE((*file)->Append("second").ok());
  EXPECT_EQ((*file)->size(), 12U);
  EXPECT_EQ(*(*file)->Read(0, 12), "first second");
  EXPECT_EQ(*(*file)->Read(4, 4), "t se");
  EXPECT_EQ(*(*file)->Read(12, 0), "");
}

TEST(ScratchFileTest, BytesThatAreNotThereAreOutOfRange) {
  const ScratchFolder scratch;
  const auto file = ScratchFile::Create(scratch.path());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("four").ok());
  for (const auto& [offset, length] :
       {std::pair<uint64_t, uint64_t>{3, 2}, {5, 0}, {1, ~uint64_t{0}}}) {
    EXPECT_EQ((*file)->Read(offset, length).status().code(), absl::StatusCode::kOutOfRange)
        << offset << ", " << length;
  }
}

TEST(ScratchFileTest, ItHasNoNameFromTheStart) {
  const ScratchFolder scratch;
  const auto file = ScratchFile::Create(scratch.path());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("bytes").ok());
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(ScratchFileTest, AFolderThatIsNotThereIsNamed) {
  const ScratchFolder scratch;
  const absl::Status status = ScratchFile::Create(scratch / "none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none"));
}

TEST(ScratchTreeTest, FilesAreReadFromTheirPlacesByName) {
  const ScratchFolder scratch;
  auto bytes = ScratchFile::Create(scratch.path());
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  ASSERT_TRUE((*bytes)->Append("bbbbbaaa").ok());
  const ScratchTree tree("archive.tar",
                         {{"b", {.offset = 0, .size = 5}}, {"a", {.offset = 5, .size = 3}}},
                         *std::move(bytes));
  EXPECT_THAT(tree.names(), ElementsAre("a", "b"));
  EXPECT_EQ(*tree.Read(0), "aaa");
  EXPECT_EQ(*tree.Size(1), 5U);
  // The next file's bytes are not this file's.
  const absl::Status beyond = tree.Read(1, 4, 2).status();
  EXPECT_EQ(beyond.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(beyond.message()), HasSubstr("archive.tar/b: cut short"));
}

TEST(ScratchTreeTest, BytesWorkedOutOfAFileGoByItsName) {
  const ScratchFolder scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "labels.gz", "packed").ok());
  const auto folder = FileTree::OfFolder(scratch.path(), {"labels.gz"});
  const auto tree = FileTree::OfBytes(*folder, 0, "unpacked", scratch.path());
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(*(*tree)->Read(0), "unpacked");
  EXPECT_EQ((*tree)->Describe(0), absl::StrCat(scratch.path(), "/labels.gz"));
}

}  // namespace
}  // namespace tributary
