#include "preparation/files/archive_magic.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// `size` zeros with `mark` at `offset`.
std::string With(size_t size, size_t offset, const std::string& mark) {
  std::string head(size, '\0');
  head.replace(offset, mark.size(), mark);
  return head;
}

TEST(ArchiveMagicTest, EachFormIsToldByItsFirstBytes) {
  EXPECT_EQ(KindOf("PK\x03\x04 and so on"), ArchiveKind::kZip);
  EXPECT_EQ(KindOf("PK\x05\x06"), ArchiveKind::kZip);  // an empty one
  EXPECT_EQ(KindOf(With(512, 257, "ustar")), ArchiveKind::kTar);
  EXPECT_EQ(KindOf("\x1f\x8b\x08"), ArchiveKind::kPacked);  // gzip
  EXPECT_EQ(KindOf("BZh91AY"), ArchiveKind::kPacked);       // bzip2
  EXPECT_EQ(KindOf("\xfd"
                   "7zXZ"),
            ArchiveKind::kPacked);                              // xz
  EXPECT_EQ(KindOf("\x28\xb5\x2f\xfd"), ArchiveKind::kPacked);  // zstd
}

TEST(ArchiveMagicTest, OtherBytesAreNoArchive) {
  EXPECT_EQ(KindOf(""), ArchiveKind::kNone);
  EXPECT_EQ(KindOf("PK"), ArchiveKind::kNone);
  EXPECT_EQ(KindOf("label,text\n"), ArchiveKind::kNone);
  EXPECT_EQ(KindOf(With(512, 256, "ustar")), ArchiveKind::kNone);
  EXPECT_EQ(KindOf(With(260, 257, "ust")), ArchiveKind::kNone);
}

TEST(ArchiveMagicTest, AFileIsToldByItsContentWhateverItsName) {
  const ScratchFolder scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "table.csv", "PK\x03\x04").ok());
  ASSERT_TRUE(WriteFileAtomically(scratch / "images.zip", "a,b\n").ok());
  EXPECT_EQ(*KindOfFile(scratch / "table.csv"), ArchiveKind::kZip);
  EXPECT_EQ(*KindOfFile(scratch / "images.zip"), ArchiveKind::kNone);
}

TEST(ArchiveMagicTest, AFileThatIsNotThereIsNamed) {
  const ScratchFolder scratch;
  const absl::Status status = KindOfFile(scratch / "gone.tar").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("gone.tar"));
}

}  // namespace
}  // namespace tributary
