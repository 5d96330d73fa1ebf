// Files in the safetensors format: 8 bytes header length (little endian), a JSON header, then raw
// values. Source: the format's description at github.com/huggingface/safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/file.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// A file mapped into memory, of any data type. Everything its header says is checked when it is
// opened: lengths, offsets, overlaps, names. DataLoss names the file and what is wrong.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    std::string dtype;  // "F32", "I64", "U8", ...
    Shape shape;
    absl::Span<const uint8_t> bytes;  // valid as long as the file object
  };

  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  // In the order of their bytes in the file, which is the order in which they were written.
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* Find(absl::string_view name) const;
  // The header's "__metadata__", its texts alone; empty if there is none.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  SafetensorsFile(void* data, size_t size) : data_(data), size_(size) {}
  absl::Status ReadHeader(const std::string& path);

  void* data_;
  size_t size_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

// Reads a file whose tensors are all F32. InvalidArgument names a tensor of another type.
absl::StatusOr<StateDict> ReadSafetensors(const std::string& path);

// Writes `state` in its order, whole or not at all, and synced to the disk. `metadata`: for the
// header.
absl::Status WriteSafetensors(const std::string& path, const StateDict& state,
                              const std::map<std::string, std::string>& metadata = {});

// The same into a file that the caller commits. Where some of the tensors are still computed,
// `pending` is awaited for each before its values are read; null: all values are there.
absl::Status AppendSafetensors(const StateDict& state,
                               const std::map<std::string, std::string>& metadata,
                               PendingTensors* pending, AtomicFile* file);

// SHA-256 over the tensors of all `models`, in order of "<model>/<tensor>": that name, a zero byte,
// the values' bytes.
std::string ModelHash(const std::map<std::string, StateDict>& models);

}  // namespace tributary
