#include "preparation/files/unpacked_stream.h"

#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::string Noise(size_t size) {
  RandomStream stream(1, "unpacked_stream_test");
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(stream.Below(256));
  return bytes;
}

// Writes `content` packed by the filter of that name, as libarchive calls it.
void Pack(const std::string& path, const std::string& filter, const std::string& content) {
  archive* writer = archive_write_new();
  ASSERT_EQ(archive_write_add_filter_by_name(writer, filter.c_str()), ARCHIVE_OK) << filter;
  ASSERT_EQ(archive_write_set_format_raw(writer), ARCHIVE_OK);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  ASSERT_EQ(archive_write_close(writer), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_free(writer);
}

absl::StatusOr<std::string> ReadAll(UnpackedStream* stream) {
  std::string all;
  while (true) {
    const absl::StatusOr<absl::string_view> piece = stream->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) return all;
    all.append(piece->data(), piece->size());
  }
}

class PackedTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string path() const { return scratch_ / "file"; }

  const ScratchFolder scratch_;
};

TEST_P(PackedTest, ComesUnpackedInPieces) {
  const std::string content = Noise(3'000'000);  // three pieces
  Pack(path(), GetParam(), content);
  const auto stream = UnpackedStream::Open(path());
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_TRUE((*stream)->packed());
  EXPECT_EQ(*ReadAll(stream->get()), content);
}

TEST_P(PackedTest, CutShortOrChangedItIsDataLossThatNamesTheFile) {
  Pack(path(), GetParam(), Noise(50'000));
  const std::string whole = *ReadFile(path());
  std::vector<std::string> all = {whole.substr(0, whole.size() - 9)};
  // libarchive writes zstd frames without a checksum: a changed byte of noise is another noise.
  if (std::string(GetParam()) != "zstd") {
    all.push_back(whole);
    all.back()[whole.size() / 2] ^= '\x10';
  }
  for (const std::string& damaged : all) {
    ASSERT_TRUE(WriteFileAtomically(path(), damaged).ok());
    const auto stream = UnpackedStream::Open(path());
    const absl::Status status = stream.ok() ? ReadAll(stream->get()).status() : stream.status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path()));
  }
}

INSTANTIATE_TEST_SUITE_P(Filters, PackedTest, ::testing::Values("gzip", "bzip2", "xz", "zstd"));

TEST(UnpackedStreamTest, AFileThatIsNotPackedComesAsItIs) {
  const ScratchFolder scratch;
  for (const std::string& content : {std::string(), std::string("plain"), Noise(2'000'000)}) {
    ASSERT_TRUE(WriteFileAtomically(scratch / "file", content).ok());
    const auto stream = UnpackedStream::Open(scratch / "file");
    ASSERT_TRUE(stream.ok()) << stream.status();
    EXPECT_FALSE((*stream)->packed());
    EXPECT_EQ(*ReadAll(stream->get()), content);
  }
}

TEST(UnpackedStreamTest, AFileThatIsNotThereIsNamed) {
  const ScratchFolder scratch;
  const absl::Status status = UnpackedStream::Open(scratch / "gone.tar.gz").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("gone.tar.gz"));
}

}  // namespace
}  // namespace tributary
