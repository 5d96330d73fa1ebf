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

TEST(HashTest, Sha256OfLongInputAgreesWithTheStandard) {
  // FIPS 180-2, appendices B.2 and B.3; and of nothing.
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(HashTest, FilesOfEverySizeAroundTheBufferHashAsTheirBytes) {
  const ScratchFolder scratch;
  for (const size_t size :
       {size_t{0}, size_t{1}, (size_t{1} << 20) - 1, size_t{1} << 20, (size_t{1} << 20) + 1}) {
    const std::string bytes(size, 'y');
    ASSERT_TRUE(WriteFileAtomically(scratch / "file", bytes).ok());
    EXPECT_EQ(*Sha256OfFile(scratch / "file"), Sha256Hex(bytes)) << size;
    EXPECT_EQ(*ChecksumOfFile(scratch / "file"), Checksum(bytes)) << size;
  }
}

TEST(HashTest, AMissingFileIsNamed) {
  const absl::Status hash = Sha256OfFile("/no/such/file").status();
  EXPECT_EQ(hash.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(hash.message().find("/no/such/file"), std::string::npos);
  EXPECT_EQ(ChecksumOfFile("/no/such/file").status(), hash);
}

TEST(HashTest, AValueMayBeReadBeforeMoreIsAdded) {
  ChecksumOfPieces checksum;
  EXPECT_EQ(checksum.Value(), Checksum(""));
  checksum.Add("ab");
  EXPECT_EQ(checksum.Value(), Checksum("ab"));
  EXPECT_EQ(checksum.Value(), Checksum("ab"));
  checksum.Add("");
  checksum.Add(absl::string_view("\0c", 2));
  EXPECT_EQ(checksum.Value(), Checksum(absl::string_view("ab\0c", 4)));
}

}  // namespace
}  // namespace tributary
