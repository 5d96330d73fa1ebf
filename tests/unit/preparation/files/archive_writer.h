// Archives for tests, written by libarchive: .zip, .tar, .tar.gz, .tar.bz2, .tar.xz by their name.
#pragma once

#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

namespace tributary {

struct ArchivedFile {
  std::string name;
  std::string content{};
  std::string link_to{};  // not empty: a symbolic link
  bool hard = false;      // the link is a hard one
};

inline void WriteArchive(const std::string& path, const std::vector<ArchivedFile>& files) {
  archive* writer = archive_write_new();
  ASSERT_EQ(archive_write_set_format_filter_by_ext(writer, path.c_str()), ARCHIVE_OK) << path;
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK) << path;
  for (const ArchivedFile& file : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(file.content.size()));
    archive_entry_set_filetype(entry, file.link_to.empty() || file.hard ? AE_IFREG : AE_IFLNK);
    if (file.hard) {
      archive_entry_set_hardlink(entry, file.link_to.c_str());
    } else if (!file.link_to.empty()) {
      archive_entry_set_symlink(entry, file.link_to.c_str());
    }
    ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    archive_write_data(writer, file.content.data(), file.content.size());
    archive_entry_free(entry);
  }
  ASSERT_EQ(archive_write_close(writer), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_free(writer);
}

}  // namespace tributary
