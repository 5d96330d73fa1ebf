#include "common/tensor/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are written as they lie in memory");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit

// Bytes of one value; 0 for a type that the format does not have.
int64_t WidthOf(const std::string& dtype) {
  static constexpr std::pair<const char*, int64_t> kWidths[] = {
      {"F64", 8},  {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"F16", 2},
      {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  for (const auto& [name, width] : kWidths) {
    if (dtype == name) return width;
  }
  return 0;
}

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, " is not a whole safetensors file: ", what));
}

struct RawEntry {
  std::string dtype;
  Shape shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Reads one entry of the header. The file may come from anywhere, so that no number in it is used
// before it is checked against the file's size or for overflow.
absl::StatusOr<RawEntry> ReadEntry(const nlohmann::json& value, uint64_t data_bytes) {
  try {
    RawEntry entry;
    entry.dtype = value.at("dtype").get<std::string>();
    const auto& offsets = value.at("data_offsets");
    entry.begin = offsets.at(0).get<uint64_t>();
    entry.end = offsets.at(1).get<uint64_t>();
    const int64_t width = WidthOf(entry.dtype);
    if (width == 0) return absl::DataLossError(absl::StrCat("has unknown type ", entry.dtype));
    if (entry.begin > entry.end || entry.end > data_bytes) {
      return absl::DataLossError("has offsets outside the file");
    }
    int64_t bytes = width;
    for (const auto& dimension : value.at("shape")) {
      const auto size = dimension.get<int64_t>();
      if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes)) {
        return absl::DataLossError("has an impossible shape");
      }
      entry.shape.push_back(size);
    }
    if (static_cast<uint64_t>(bytes) != entry.end - entry.begin) {
      return absl::DataLossError("has offsets that disagree with its shape");
    }
    return entry;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("has a malformed entry: ", error.what()));
  }
}

// The length and the header of `state`'s file; its values follow.
std::string HeadOf(const StateDict& state, const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const StateDict::Entry& entry : state) {
    const uint64_t bytes = entry.tensor.values.size() * sizeof(float);
    header[entry.name] = {{"dtype", "F32"},
                          {"shape", entry.tensor.shape},
                          {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  // Spaces bring the values to a multiple of 8 bytes, as the format asks: readers map the file and
  // use floats where they lie.
  while (text.size() % 8 != 0) text += ' ';
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  struct stat info;
  void* data = MAP_FAILED;
  if (fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kLengthBytes)) {
    data = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  }
  close(fd);  // the mapping keeps the file open
  if (data == MAP_FAILED) return Damaged(path, "shorter than a header");
  std::unique_ptr<SafetensorsFile> file(
      new SafetensorsFile(data, static_cast<size_t>(info.st_size)));
  RETURN_IF_ERROR(file->ReadHeader(path));
  return file;
}

SafetensorsFile::~SafetensorsFile() { munmap(data_, size_); }

absl::Status SafetensorsFile::ReadHeader(const std::string& path) {
  uint64_t length;
  std::memcpy(&length, data_, kLengthBytes);
  // `length` comes first and without arithmetic on it: 8 + length may wrap around.
  if (length > kMostHeaderBytes || length > size_ - kLengthBytes) {
    return Damaged(path, absl::StrCat("header of ", length, " bytes in a file of ", size_));
  }
  const auto* bytes = static_cast<const uint8_t*>(data_);
  const uint8_t* values = bytes + kLengthBytes + length;
  const uint64_t data_bytes = size_ - kLengthBytes - length;
  // JSON objects keep the last of two equal keys, which would hide a tensor. The parser's callback
  // sees each key, so that a name given twice is found.
  std::set<std::string> names;
  bool twice = false;
  const auto count_names = [&](int depth, nlohmann::json::parse_event_t event,
                               nlohmann::json& parsed) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key) {
      twice |= !names.insert(parsed.get<std::string>()).second;
    }
    return true;
  };
  const nlohmann::json header =
      nlohmann::json::parse(bytes + kLengthBytes, values, count_names, false);
  if (!header.is_object()) return Damaged(path, "its header is not a JSON object");
  if (twice) return Damaged(path, "its header names a tensor twice");
  std::vector<std::pair<RawEntry, std::string>> found;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, text] : value.items()) {
        if (text.is_string()) metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    absl::StatusOr<RawEntry> entry = ReadEntry(value, data_bytes);
    if (!entry.ok())
      return Damaged(path, absl::StrCat("tensor ", name, " ", entry.status().message()));
    found.emplace_back(*std::move(entry), name);
  }
  // By end as well, so that an empty tensor, which shares its offset with the next one, comes first
  // and passes the check below.
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  uint64_t end = 0;
  for (auto& [entry, name] : found) {
    if (entry.begin != end)
      return Damaged(path, absl::StrCat("tensor ", name, " overlaps or leaves a gap"));
    end = entry.end;
    entries_.push_back({std::move(name), std::move(entry.dtype), std::move(entry.shape),
                        absl::MakeConstSpan(values + entry.begin, entry.end - entry.begin)});
  }
  if (end != data_bytes) return Damaged(path, "it has bytes that belong to no tensor");
  return absl::OkStatus();
}

const SafetensorsFile::Entry* SafetensorsFile::Find(absl::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

absl::StatusOr<StateDict> ReadSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file, SafetensorsFile::Open(path));
  StateDict state;
  for (const SafetensorsFile::Entry& entry : file->entries()) {
    if (entry.dtype != "F32") {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor ", entry.name, " is ", entry.dtype, ", expected F32"));
    }
    Tensor tensor = Tensor::Zeros(entry.shape);
    if (!entry.bytes.empty()) {  // memcpy() takes no null pointer, which an empty vector may give
      std::memcpy(tensor.values.data(), entry.bytes.data(), entry.bytes.size());
    }
    RETURN_IF_ERROR(Annotate(state.Add(entry.name, std::move(tensor)), path));
  }
  return state;
}

absl::Status AppendSafetensors(const StateDict& state,
                               const std::map<std::string, std::string>& metadata,
                               PendingTensors* pending, AtomicFile* file) {
  RETURN_IF_ERROR(file->Write(HeadOf(state, metadata)));
  for (const StateDict::Entry& entry : state) {
    // A tensor may still be merged while those before it are written.
    if (pending != nullptr) pending->Await(entry.tensor);
    const std::vector<float>& values = entry.tensor.values;
    RETURN_IF_ERROR(
        file->Write({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}));
  }
  return absl::OkStatus();
}

absl::Status WriteSafetensors(const std::string& path, const StateDict& state,
                              const std::map<std::string, std::string>& metadata) {
  AtomicFile file(path);
  RETURN_IF_ERROR(AppendSafetensors(state, metadata, nullptr, &file));
  return std::move(file).Commit();
}

std::string ModelHash(const std::map<std::string, StateDict>& models) {
  std::map<std::string, const Tensor*> ordered;
  for (const auto& [model, state] : models) {
    for (const StateDict::Entry& entry : state) {
      ordered[absl::StrCat(model, "/", entry.name)] = &entry.tensor;
    }
  }
  Sha256 hash;
  for (const auto& [name, tensor] : ordered) {
    hash.Add(name.c_str(), name.size() + 1);  // with the zero byte, which ends the name
    hash.Add(tensor->values.data(), tensor->values.size() * sizeof(float));
  }
  return std::move(hash).Hex();
}

}  // namespace tributary
