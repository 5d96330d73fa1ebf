#include "common/data/shard.h"

#include <algorithm>
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
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr absl::string_view kMagic = "TRIBSHD1";
constexpr uint64_t kPrefix = 24;  // magic, header length, header checksum
constexpr uint64_t kBlock = 64 << 10;
constexpr uint64_t kAlign = 64;
constexpr uint64_t kMostHeader = 16 << 20;

uint64_t Aligned(uint64_t offset) { return (offset + kAlign - 1) / kAlign * kAlign; }

uint64_t NumberAt(const char* data) {
  uint64_t number;
  std::memcpy(&number, data, sizeof(number));
  return number;
}

template <typename T>
absl::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

nlohmann::json ToJson(const ShardInfo& info) {
  return {{"dataset", info.dataset},   {"modality", std::string(ModalityName(info.modality))},
          {"part", info.part},         {"rows", info.rows},
          {"images", info.images},     {"image_size", info.image_size},
          {"channels", info.channels}, {"classes", info.classes},
          {"mean", info.mean},         {"deviation", info.deviation}};
}

absl::StatusOr<ShardInfo> FromJson(const nlohmann::json& json) {
  ShardInfo info;
  ASSIGN_OR_RETURN(info.modality, ParseModality(json.at("modality").get<std::string>()));
  info.dataset = json.at("dataset").get<std::string>();
  info.part = json.at("part").get<std::string>();
  info.rows = json.at("rows").get<int64_t>();
  info.images = json.at("images").get<int64_t>();
  info.image_size = json.at("image_size").get<int64_t>();
  info.channels = json.at("channels").get<int64_t>();
  info.classes = json.at("classes").get<std::vector<std::string>>();
  info.mean = json.at("mean").get<std::vector<float>>();
  info.deviation = json.at("deviation").get<std::vector<float>>();
  return info;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Shard>> Shard::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Annotate(ErrnoStatus(errno, path),
                    "cannot open shard (make it with `tributary prepare`)");
  }
  struct stat info;
  void* data = MAP_FAILED;
  if (fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kPrefix)) {
    data = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (data == MAP_FAILED) {
    return absl::DataLossError(absl::StrCat("shard ", path, " is cut short; prepare it again"));
  }
  std::shared_ptr<Shard> shard(new Shard(path, data, static_cast<size_t>(info.st_size)));
  try {
    RETURN_IF_ERROR(shard->ReadHeader());
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

absl::Status Shard::ReadHeader() {
  if (absl::string_view(data_, kMagic.size()) != kMagic) return Damaged("it is not a shard file");
  const uint64_t length = NumberAt(data_ + 8);
  if (length > kMostHeader || kPrefix + length > size_) return Damaged("its header is cut short");
  const absl::string_view header(data_ + kPrefix, length);
  if (Checksum(header) != NumberAt(data_ + 16)) return Damaged("its header has a wrong checksum");
  const nlohmann::json json = nlohmann::json::parse(header.begin(), header.end());
  ASSIGN_OR_RETURN(info_, FromJson(json));
  const auto column = [&](const char* name) {
    const auto& place = json.at("columns").at(name);
    return Column{place.at(0).get<uint64_t>(), place.at(1).get<uint64_t>()};
  };
  images_ = column("images");
  image_of_row_ = column("image_of_row");
  labels_ = column("labels");
  text_ends_ = column("text_ends");
  texts_ = column("texts");
  columns_begin_ = Aligned(kPrefix + length);
  checksums_begin_ = json.at("checksums").get<uint64_t>();
  RETURN_IF_ERROR(CheckColumns());
  const absl::string_view sums(data_ + checksums_begin_, size_ - checksums_begin_);
  digest_ = absl::StrFormat("%016x", Checksum(absl::StrCat(header, sums)));
  return absl::OkStatus();
}

absl::Status Shard::CheckColumns() const {
  if (checksums_begin_ < columns_begin_ || checksums_begin_ > size_) {
    return Damaged("its columns are cut short");
  }
  const uint64_t blocks = (checksums_begin_ - columns_begin_ + kBlock - 1) / kBlock;
  if (size_ - checksums_begin_ != blocks * 8) return Damaged("it is cut short");
  for (const Column& column : {images_, image_of_row_, labels_, text_ends_, texts_}) {
    if (column.offset < columns_begin_ || column.offset > checksums_begin_ ||
        column.bytes > checksums_begin_ - column.offset || column.offset % kAlign != 0) {
      return Damaged("a column lies outside the file");
    }
  }
  const auto rows = static_cast<uint64_t>(info_.rows);
  const auto pixels = static_cast<uint64_t>(info_.image_size * info_.image_size * info_.channels);
  const bool images = info_.modality != Modality::kText, texts = info_.modality != Modality::kImage;
  const bool labels = info_.modality != Modality::kPair;
  if (info_.rows < 0 || info_.images < 0 ||
      images_.bytes != static_cast<uint64_t>(info_.images) * pixels ||
      image_of_row_.bytes != (images ? rows * 4 : 0) || labels_.bytes != (labels ? rows * 4 : 0) ||
      text_ends_.bytes != (texts ? rows * 8 : 0)) {
    return Damaged("its columns do not have the sizes that its header says");
  }
  return absl::OkStatus();
}

absl::Status Shard::Verify() const {
  const char* sums = data_ + checksums_begin_;
  for (uint64_t begin = columns_begin_; begin < checksums_begin_; begin += kBlock, sums += 8) {
    const uint64_t bytes = std::min(kBlock, checksums_begin_ - begin);
    if (Checksum(data_ + begin, bytes) != NumberAt(sums)) {
      return Damaged(absl::StrCat("block ", (begin - columns_begin_) / kBlock, ", bytes ", begin,
                                  " to ", begin + bytes - 1, ", has a wrong checksum"));
    }
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

template <typename T>
T Shard::At(const Column& column, int64_t index) const {
  T value;
  std::memcpy(&value, data_ + column.offset + static_cast<uint64_t>(index) * sizeof(T), sizeof(T));
  return value;
}

int64_t Shard::ImageOfRow(int64_t row) const { return At<uint32_t>(image_of_row_, row); }

absl::Span<const uint8_t> Shard::ImageAt(int64_t image) const {
  const auto bytes = static_cast<size_t>(info_.image_size * info_.image_size * info_.channels);
  const auto* images = reinterpret_cast<const uint8_t*>(data_ + images_.offset);
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

int64_t ShardWriter::AddImage(absl::Span<const uint8_t> image) {
  images_.append(reinterpret_cast<const char*>(image.data()), image.size());
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

absl::Status ShardWriter::Write(const std::string& path) const {
  const std::pair<const char*, absl::string_view> columns[] = {
      {"images", images_},
      {"image_of_row", BytesOf(image_of_row_)},
      {"labels", BytesOf(labels_)},
      {"text_ends", BytesOf(text_ends_)},
      {"texts", texts_}};
  // The columns' places depend on the header's length and the other way round: a generous fixed
  // width settles it.
  nlohmann::json json = ToJson(info_);
  const uint64_t room = Aligned(kPrefix + json.dump().size() + 512);
  std::string body;
  for (const auto& [name, bytes] : columns) {
    body.resize(Aligned(body.size()));
    json["columns"][name] = {room + body.size(), bytes.size()};
    body.append(bytes.data(), bytes.size());
  }
  json["checksums"] = room + body.size();
  std::string header = json.dump();
  header.resize(room - kPrefix, ' ');
  std::vector<uint64_t> sums;
  for (uint64_t begin = 0; begin < body.size(); begin += kBlock) {
    sums.push_back(Checksum(absl::string_view(body).substr(begin, kBlock)));
  }
  const std::vector<uint64_t> prefix = {header.size(), Checksum(header)};
  AtomicFile file(path);
  for (const absl::string_view part : {kMagic, BytesOf(prefix), absl::string_view(header),
                                       absl::string_view(body), BytesOf(sums)}) {
    RETURN_IF_ERROR(file.Write(part));
  }
  return std::move(file).Commit();
}

}  // namespace tributary
