#include "preparation/files/gunzip.h"

#include <string>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

// One gzip member of `content`, by libarchive's raw writer.
std::string Gzip(const std::string& content) {
  const ScratchFolder scratch;
  archive* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  archive_write_add_filter_gzip(writer);
  archive_write_open_filename(writer, (scratch / "x.gz").c_str());
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  return *ReadFile(scratch / "x.gz");
}

TEST(GunzipTest, GivesWhatWasPacked) {
  const std::string content = "some content\n" + std::string(3'000'000, 'x');
  EXPECT_EQ(*Gunzip(Gzip(content), content.size()), content);
  EXPECT_EQ(*Gunzip(Gzip("one ") + Gzip("two"), 100), "one two");
}

TEST(GunzipTest, MoreThanAllowedIsRefused) {
  const std::string packed = Gzip(std::string(3'000'000, 'x'));
  EXPECT_EQ(Gunzip(packed, 2'999'999).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(GunzipTest, WhatIsCutShortDamagedOrNoGzipIsRefused) {
  const std::string packed = Gzip("some content that takes more than a few bytes");
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(Gunzip(packed.substr(0, size), 1000).status().code(), absl::StatusCode::kDataLoss)
        << size;
  }
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x40;
  EXPECT_FALSE(Gunzip(damaged, 1000).ok());
  EXPECT_FALSE(Gunzip("plain text", 1000).ok());
}

}  // namespace
}  // namespace tributary
