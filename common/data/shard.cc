#include "common/data/shard.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/hash.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/shard_format.h"

namespace tributary {
namespace {

uint64_t NumberAt(const char* data) {
  uint64_t number;
  std::memcpy(&number, data, sizeof(number));
  return number;
}

// Blocks that one thread checks at a time.
constexpr uint64_t kBlocksPerJob = 1024;

}  // namespace

absl::StatusOr<std::shared_ptr<const Shard>> Shard::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Annotate(ErrnoStatus(errno, path),
                    "cannot open shard (make it with `tributary prepare`)");
  }
  struct stat info;
  void* data = MAP_FAILED;
  if (fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kShardPrefix)) {
    data = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  close(fd);  // the mapping stays
  if (data == MAP_FAILED) {
    return absl::DataLossError(absl::StrCat("shard ", path, " is cut short; prepare it again"));
  }
  std::shared_ptr<Shard> shard(new Shard(path, data, static_cast<size_t>(info.st_size)));
  // The index has a checksum, so that a missing field or another type means another version.
  try {
    RETURN_IF_ERROR(shard->ReadIndex());
  } catch (const nlohmann::json::exception& error) {
    return shard->Damaged(error.what());
  }
  return std::shared_ptr<const Shard>(std::move(shard));
}

Shard::~Shard() { munmap(const_cast<char*>(data_), size_); }

absl::Status Shard::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("shard ", path_, " is damaged: ", what, "; prepare it again"));
}

absl::Status Shard::ReadIndex() {
  if (absl::string_view(data_, kShardMagic.size()) != kShardMagic) {
    return Damaged("it is not a shard file of this version");
  }
  index_begin_ = NumberAt(data_ + 8);
  const uint64_t length = NumberAt(data_ + 16);
  // The index ends the file: any other length means that bytes are missing, or were added.
  if (length > kMostShardIndex || length > size_ || index_begin_ != size_ - length) {
    return Damaged("it is cut short");
  }
  const absl::string_view zeros(data_ + 32, kShardPrefix - 32);
  const absl::string_view index(data_ + index_begin_, length);
  if (Checksum(index) != NumberAt(data_ + 24) ||
      zeros.find_first_not_of('\0') != absl::string_view::npos) {
    return Damaged("its index has a wrong checksum");
  }
  const nlohmann::json json = nlohmann::json::parse(index.begin(), index.end());
  ASSIGN_OR_RETURN(info_, ShardInfoFromJson(json));
  const auto column = [&](const char* name) {
    const auto& place = json.at("columns").at(name);
    return Column{place.at(0).get<uint64_t>(), place.at(1).get<uint64_t>()};
  };
  images_ = column("images");
  image_ends_ = column("image_ends");
  image_of_row_ = column("image_of_row");
  labels_ = column("labels");
  text_ends_ = column("text_ends");
  texts_ = column("texts");
  checksums_begin_ = json.at("checksums").get<uint64_t>();
  RETURN_IF_ERROR(CheckColumns());
  // The checksums stand for all columns: two shards of one digest hold the same, and no block of
  // them has to be read to tell.
  const absl::string_view sums(data_ + checksums_begin_, index_begin_ - checksums_begin_);
  digest_ = absl::StrFormat("%016x", Checksum(absl::StrCat(index, sums)));
  return absl::OkStatus();
}

// After this every access to a column by a row or image within the counts stays within the file;
// what the values point at is VerifyRows()'s.
absl::Status Shard::CheckColumns() const {
  if (checksums_begin_ < kShardPrefix || checksums_begin_ > index_begin_) {
    return Damaged("its columns are cut short");
  }
  const uint64_t blocks = (checksums_begin_ - kShardPrefix + kShardBlock - 1) / kShardBlock;
  if (index_begin_ - checksums_begin_ != blocks * 8) return Damaged("it is cut short");
  for (const Column& column : {images_, image_ends_, image_of_row_, labels_, text_ends_, texts_}) {
    if (column.offset < kShardPrefix || column.offset > checksums_begin_ ||
        column.bytes > checksums_begin_ - column.offset || column.offset % kShardAlign != 0) {
      return Damaged("a column lies outside the file");
    }
  }
  const auto rows = static_cast<uint64_t>(info_.rows);
  const auto count = static_cast<uint64_t>(info_.images);
  const auto pixels = static_cast<uint64_t>(info_.image_size * info_.image_size * info_.channels);
  const bool images = info_.modality != Modality::kText, texts = info_.modality != Modality::kImage;
  const bool labels = info_.modality != Modality::kPair;
  const bool original = info_.storage == ImageStorage::kOriginal;
  if (info_.rows < 0 || info_.images < 0 || (!original && images_.bytes != count * pixels) ||
      image_ends_.bytes != (original ? count * 8 : 0) ||
      image_of_row_.bytes != (images ? rows * 4 : 0) || labels_.bytes != (labels ? rows * 4 : 0) ||
      text_ends_.bytes != (texts ? rows * 8 : 0)) {
    return Damaged("its columns do not have the sizes that its index says");
  }
  return absl::OkStatus();
}

absl::Status Shard::VerifyBlocks() const {
  const uint64_t blocks = (checksums_begin_ - kShardPrefix + kShardBlock - 1) / kShardBlock;
  std::atomic<uint64_t> first_wrong = blocks;
  ParallelFor(CoreCount(), (blocks + kBlocksPerJob - 1) / kBlocksPerJob, [&](size_t job) {
    const uint64_t end = std::min(blocks, (job + 1) * kBlocksPerJob);
    for (uint64_t block = job * kBlocksPerJob; block < end; ++block) {
      const uint64_t begin = kShardPrefix + block * kShardBlock;
      const uint64_t bytes = std::min(kShardBlock, checksums_begin_ - begin);
      if (Checksum(data_ + begin, bytes) == NumberAt(data_ + checksums_begin_ + block * 8))
        continue;
      // The smallest number of all threads: the message is the same every time.
      uint64_t known = first_wrong;
      while (block < known && !first_wrong.compare_exchange_weak(known, block)) {
      }
      return;
    }
  });
  if (first_wrong == blocks) return absl::OkStatus();
  const uint64_t begin = kShardPrefix + first_wrong * kShardBlock;
  return Damaged(absl::StrCat("block ", first_wrong.load(), ", bytes ", begin, " to ",
                              std::min(begin + kShardBlock, checksums_begin_) - 1,
                              ", has a wrong checksum"));
}

absl::Status Shard::VerifyRows() const {
  uint64_t image_end = 0;
  for (int64_t image = 0; image_ends_.bytes > 0 && image < info_.images; ++image) {
    const auto end = At<uint64_t>(image_ends_, image);
    if (end < image_end || end > images_.bytes) {
      return Damaged(absl::StrCat("image ", image, " lies outside the file"));
    }
    image_end = end;
  }
  const auto classes = static_cast<int32_t>(info_.classes.size());
  uint64_t text_end = 0;
  for (int64_t row = 0; row < info_.rows; ++row) {
    if (info_.modality != Modality::kText && ImageOfRow(row) >= info_.images) {
      return Damaged(absl::StrCat("row ", row, " names an image that is not there"));
    }
    if (info_.modality != Modality::kPair && (Label(row) < 0 || Label(row) >= classes)) {
      return Damaged(absl::StrCat("row ", row, " has a label outside its classes"));
    }
    if (info_.modality == Modality::kImage) continue;
    const auto end = At<uint64_t>(text_ends_, row);
    if (end < text_end || end > texts_.bytes) {
      return Damaged(absl::StrCat("row ", row, " has a text outside the file"));
    }
    text_end = end;
  }
  return absl::OkStatus();
}

absl::Status Shard::Verify() const {
  RETURN_IF_ERROR(VerifyBlocks());
  return VerifyRows();
}

template <typename T>
T Shard::At(const Column& column, int64_t index) const {
  // Columns are aligned, but the file's bytes are no objects of type T: only a copy may be read.
  T value;
  std::memcpy(&value, data_ + column.offset + static_cast<uint64_t>(index) * sizeof(T), sizeof(T));
  return value;
}

int64_t Shard::ImageOfRow(int64_t row) const { return At<uint32_t>(image_of_row_, row); }

absl::Span<const uint8_t> Shard::ImageAt(int64_t image) const {
  const auto* images = reinterpret_cast<const uint8_t*>(data_ + images_.offset);
  if (info_.storage == ImageStorage::kOriginal) {
    const uint64_t begin = image == 0 ? 0 : At<uint64_t>(image_ends_, image - 1);
    return {images + begin, At<uint64_t>(image_ends_, image) - begin};
  }
  const auto bytes = static_cast<size_t>(info_.image_size * info_.image_size * info_.channels);
  return {images + static_cast<size_t>(image) * bytes, bytes};
}

absl::Span<const uint8_t> Shard::Image(int64_t row) const {
  if (info_.modality == Modality::kText) return {};
  return ImageAt(ImageOfRow(row));
}

absl::string_view Shard::Text(int64_t row) const {
  if (info_.modality == Modality::kImage) return {};
  const uint64_t begin = row == 0 ? 0 : At<uint64_t>(text_ends_, row - 1);
  return {data_ + texts_.offset + begin, At<uint64_t>(text_ends_, row) - begin};
}

int32_t Shard::Label(int64_t row) const {
  return info_.modality == Modality::kPair ? -1 : At<int32_t>(labels_, row);
}

}  // namespace tributary
