#include "preparation/shards/shard_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/data/shard_format.h"

namespace tributary {
namespace {

// A whole number of blocks, so that Flush() never ends within one, except at the end of all
// columns.
constexpr size_t kBuffer = 16 * kShardBlock;

template <typename T>
absl::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

ShardWriter::ShardWriter(std::string path, ShardInfo info)
    : path_(std::move(path)), info_(std::move(info)), written_(kShardPrefix) {
  // Not truncated: Resume() reads what an interrupted writer left. Finish() cuts off the rest.
  fd_ = open(part().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) status_ = ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
  buffer_.reserve(kBuffer);
}

ShardWriter::~ShardWriter() {
  if (fd_ >= 0) close(fd_);
}

size_t ShardWriter::Resume(absl::Span<const uint64_t> sizes,
                           absl::FunctionRef<bool(size_t, absl::Span<const uint8_t>)> is_right) {
  std::vector<uint8_t> image;
  uint64_t offset = kShardPrefix;
  for (size_t i = 0; i < sizes.size(); ++i) {
    image.resize(sizes[i]);
    const ssize_t got = pread(fd_, image.data(), image.size(), static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(image.size()) || !is_right(i, image)) return i;
    offset += image.size();
    // Writes the same bytes to the same place again, as that is how their checksums come about.
    AddImage(image);
  }
  return sizes.size();
}

int64_t ShardWriter::AddImage(absl::Span<const uint8_t> image) {
  Append({reinterpret_cast<const char*>(image.data()), image.size()});
  const uint64_t begin = image_ends_.empty() ? 0 : image_ends_.back();
  image_ends_.push_back(begin + image.size());
  return info_.images++;
}

void ShardWriter::AddRow(int64_t image, int32_t label, absl::string_view text) {
  if (info_.modality != Modality::kText) image_of_row_.push_back(static_cast<uint32_t>(image));
  if (info_.modality != Modality::kPair) labels_.push_back(label);
  if (info_.modality != Modality::kImage) {
    texts_.append(text.data(), text.size());
    text_ends_.push_back(texts_.size());
  }
  ++info_.rows;
}

absl::Status ShardWriter::Finish() {
  // Images of one size need no ends.
  if (info_.storage == ImageStorage::kPixels) image_ends_.clear();
  nlohmann::json index = ShardInfoToJson(info_);
  const uint64_t images_end = written_ + buffer_.size();
  index["columns"]["images"] = {kShardPrefix, images_end - kShardPrefix};
  const std::pair<const char*, absl::string_view> columns[] = {
      {"image_ends", BytesOf(image_ends_)},
      {"image_of_row", BytesOf(image_of_row_)},
      {"labels", BytesOf(labels_)},
      {"text_ends", BytesOf(text_ends_)},
      {"texts", texts_},
  };
  for (const auto& [name, bytes] : columns) {
    const uint64_t end = written_ + buffer_.size();
    Append(std::string(ShardAligned(end) - end, '\0'));
    index["columns"][name] = {ShardAligned(end), bytes.size()};
    Append(bytes);
  }
  Flush();
  index["checksums"] = written_;
  const std::string text = index.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::vector<uint64_t> places = {written_ + sums_.size() * 8, text.size(), Checksum(text)};
  // The first bytes come last: a file that was cut off before has no magic number. The name comes
  // after them, so that a shard under its name is whole.
  std::string prefix = absl::StrCat(kShardMagic, BytesOf(places));
  prefix.resize(kShardPrefix);
  WriteAt(written_, absl::StrCat(BytesOf(sums_), text));
  WriteAt(0, prefix);
  if (status_.ok() && (ftruncate(fd_, static_cast<off_t>(places[0] + places[1])) != 0 ||
                       rename(part().c_str(), path_.c_str()) != 0)) {
    status_ = ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
  }
  return status_;
}

void ShardWriter::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t taken = std::min(bytes.size(), kBuffer - buffer_.size());
    buffer_.append(bytes.data(), taken);
    bytes.remove_prefix(taken);
    if (buffer_.size() == kBuffer) Flush();
  }
}

void ShardWriter::Flush() {
  for (size_t begin = 0; begin < buffer_.size(); begin += kShardBlock) {
    sums_.push_back(Checksum(absl::string_view(buffer_).substr(begin, kShardBlock)));
  }
  WriteAt(written_, buffer_);
  // Starts writing to the disk now and not all at the end. A hint: only SyncFile() makes sure.
  if (buffer_.size() == kBuffer) sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
  written_ += buffer_.size();
  buffer_.clear();
}

void ShardWriter::WriteAt(uint64_t offset, absl::string_view bytes) {
  while (!bytes.empty() && status_.ok()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    } else if (errno != EINTR) {
      status_ = ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
    }
  }
}

}  // namespace tributary
