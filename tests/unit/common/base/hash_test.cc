#include "common/base/hash.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

TEST(HashTest, Sha256AgreesWithTheStandardsExample) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(HashTest, PiecesHashAsTheWhole) {
  Sha256 hash;
  hash.Add("a");
  hash.Add("bc");
  EXPECT_EQ(std::move(hash).Hex(), Sha256Hex("abc"));
}

TEST(HashTest, FilesHashAsTheirBytes) {
  const ScratchFolder scratch;
  const std::string path = scratch / "file";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(3 << 20, 'x')).ok());
  EXPECT_EQ(*Sha256OfFile(path), Sha256Hex(std::string(3 << 20, 'x')));
  EXPECT_FALSE(Sha256OfFile(path + ".missing").ok());
}

TEST(HashTest, ChecksumsOfPiecesAndFilesAreThoseOfTheWhole) {
  const std::string bytes(3 << 20, 'x');
  ChecksumOfPieces checksum;
  checksum.Add(absl::string_view(bytes).substr(0, 1000));
  checksum.Add(absl::string_view(bytes).substr(1000));
  EXPECT_EQ(checksum.Value(), Checksum(bytes));
  const ScratchFolder scratch;
  const std::string path = scratch / "file";
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  EXPECT_EQ(*ChecksumOfFile(path), Checksum(bytes));
  EXPECT_FALSE(ChecksumOfFile(path + ".missing").ok());
}

TEST(HashTest, ChecksumAgreesWithXxh3) {
  EXPECT_EQ(Checksum(""), 0x2d06800538d394c2ULL);  // xxHash's own test value for empty input
  EXPECT_NE(Checksum("a"), Checksum("b"));
}

}  // namespace
}  // namespace tributary
