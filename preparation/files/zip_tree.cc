#include "preparation/files/zip_tree.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <zip.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/archive_limits.h"
#include "preparation/files/scratch_file.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;
// Members up to this are inflated whole for each range of them.
constexpr uint64_t kSmallMember = 64 << 10;

using ZipHandle = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using MemberHandle = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;
using TakePiece = std::function<absl::Status(absl::string_view)>;

struct Member {
  uint64_t index = 0;  // in the archive
  uint64_t size = 0, packed = 0;
  bool stored = false;
};

absl::StatusOr<ZipHandle> OpenHandle(const std::string& path) {
  int code = 0;
  ZipHandle handle(zip_open(path.c_str(), ZIP_RDONLY, &code), &zip_discard);
  if (handle != nullptr) return handle;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string message = absl::StrCat(path, ": ", zip_error_strerror(&error));
  zip_error_fini(&error);
  if (code == ZIP_ER_NOENT) return absl::NotFoundError(message);
  if (code == ZIP_ER_OPEN) return absl::PermissionDeniedError(message);
  return absl::DataLossError(
      absl::StrCat(message, ": a zip archive that is damaged or cut short; fetch it anew"));
}

bool IsRegularFile(zip_t* handle, uint64_t index) {
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(handle, index, 0, &system, &attributes) != 0) return true;
  const uint32_t kind = (attributes >> 16) & S_IFMT;  // what Unix writers put there
  return system != ZIP_OPSYS_UNIX || kind == 0 || kind == S_IFREG;
}

absl::StatusOr<std::map<std::string, Member>> ListMembers(const std::string& path, zip_t* handle) {
  std::map<std::string, Member>
      members;  // sorted, as FileTree wants them; the last of a name stays
  const zip_int64_t count = zip_get_num_entries(handle, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(i);
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(handle, index, 0, &stat) != 0) {
      return absl::DataLossError(
          absl::StrCat(path, ": entry ", i, ": ", zip_error_strerror(zip_get_error(handle))));
    }
    const std::string name = stat.name == nullptr ? "" : NameInTree(stat.name);
    if (name.empty() || !IsRegularFile(handle, index)) continue;
    members[name] = {.index = index,
                     .size = stat.size,
                     .packed = stat.comp_size,
                     .stored = stat.comp_method == ZIP_CM_STORE};
  }
  return members;
}

std::vector<std::string> NamesOf(const std::map<std::string, Member>& members) {
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const auto& [name, member] : members) names.push_back(name);
  return names;
}

// libzip's handles belong to one thread at a time: each read borrows one, and there are as many as
// reads at once.
class ZipTree : public FileTree {
 public:
  ZipTree(std::string path, std::string scratch, const std::map<std::string, Member>& members,
          ZipHandle first)
      : FileTree(std::move(path), NamesOf(members)),
        scratch_(std::move(scratch)),
        settled_(members.size()) {
    for (const auto& [name, member] : members) members_.push_back(member);
    free_.push_back(std::move(first));
  }

  absl::StatusOr<uint64_t> Size(size_t file) const override { return members_[file].size; }

  absl::StatusOr<std::string> Read(size_t file, uint64_t offset, uint64_t length) const override {
    const Member& member = members_[file];
    RETURN_IF_ERROR(CheckRange(file, member.size, offset, length));
    if (member.size > MostUnpacked(member.packed)) {
      return absl::ResourceExhaustedError(
          absl::StrCat(Describe(file), ": ", member.packed, " bytes that unpack to ", member.size,
                       ", which no dataset does; unpack the archive yourself if you trust it"));
    }
    if (length == member.size) return ReadWhole(file);
    // A packed member can only be read from its start, so that a range costs all that stands
    // before it. A small one is unpacked each time; for a large one (an .npy of a million images)
    // that would be quadratic, so it is unpacked once, into a scratch file.
    if (member.size <= kSmallMember) {
      ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(file));
      return bytes.substr(offset, length);
    }
    RETURN_IF_ERROR(Settle(file));
    if (!member.stored) return settled_[file].bytes->Read(offset, length);
    return ReadRange(file, offset, length);
  }

 private:
  // A large member of which ranges are read, once its checksum is known to be right.
  struct Settled {
    std::once_flag once;
    absl::Status status;
    std::unique_ptr<ScratchFile> bytes;  // of a packed one
  };

  // A new handle reads the archive's directory again, so it is opened outside the lock. There are
  // at most as many as threads that read at once.
  absl::StatusOr<ZipHandle> Borrow() const {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        ZipHandle handle = std::move(free_.back());
        free_.pop_back();
        return handle;
      }
    }
    return OpenHandle(path());
  }

  void GiveBack(ZipHandle handle) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(handle));
  }

  absl::Status Damaged(size_t file, const std::string& reason) const {
    return absl::DataLossError(
        absl::StrCat(Describe(file), ": cannot be unpacked: ", reason, "; fetch the archive anew"));
  }

  // Calls `take` with `length` bytes from `offset`, in pieces; a stored member only where `offset`
  // is not 0. libzip compares the checksum when the end is read.
  absl::Status ForEachPiece(size_t file, uint64_t offset, uint64_t length,
                            const TakePiece& take) const {
    ASSIGN_OR_RETURN(ZipHandle handle, Borrow());
    const absl::Status status = ReadPieces(handle.get(), file, offset, length, take);
    GiveBack(std::move(handle));
    return status;
  }

  absl::Status ReadPieces(zip_t* handle, size_t file, uint64_t offset, uint64_t length,
                          const TakePiece& take) const {
    const MemberHandle member(zip_fopen_index(handle, members_[file].index, 0), &zip_fclose);
    if (member == nullptr) return Damaged(file, zip_error_strerror(zip_get_error(handle)));
    if (offset > 0 && zip_fseek(member.get(), static_cast<zip_int64_t>(offset), SEEK_SET) != 0) {
      return Damaged(file, zip_file_strerror(member.get()));
    }
    const bool to_end = offset + length == members_[file].size;
    std::string piece(std::min<uint64_t>(kPiece, length + 1), '\0');
    for (uint64_t left = length; left > 0 || to_end;) {
      // One byte more than there should be: reaching the end is what compares the checksum.
      const uint64_t wanted = std::min<uint64_t>(piece.size(), left + (to_end ? 1 : 0));
      const zip_int64_t got = zip_fread(member.get(), piece.data(), wanted);
      if (got < 0) return Damaged(file, zip_file_strerror(member.get()));
      if (got == 0 && left == 0) break;
      if (got == 0) return Damaged(file, absl::StrCat("it ends ", left, " bytes early"));
      if (static_cast<uint64_t>(got) > left) return Damaged(file, "it is longer than it says");
      left -= static_cast<uint64_t>(got);
      RETURN_IF_ERROR(take(absl::string_view(piece.data(), static_cast<size_t>(got))));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadRange(size_t file, uint64_t offset, uint64_t length) const {
    std::string bytes;
    RETURN_IF_ERROR(ForEachPiece(file, offset, length, [&](absl::string_view piece) {
      bytes.append(piece.data(), piece.size());
      return absl::OkStatus();
    }));
    return bytes;
  }

  absl::StatusOr<std::string> ReadWhole(size_t file) const {
    return ReadRange(file, 0, members_[file].size);
  }

  absl::Status Settle(size_t file) const {
    // Threads that ask meanwhile for the same member wait here for its one unpacking.
    Settled& settled = settled_[file];
    std::call_once(settled.once, [&] { settled.status = Unpack(file, &settled.bytes); });
    return settled.status;
  }

  absl::Status Unpack(size_t file, std::unique_ptr<ScratchFile>* bytes) const {
    if (!members_[file].stored) {
      ASSIGN_OR_RETURN(*bytes, ScratchFile::Create(scratch_));
    }
    // A stored member is only read through, for its checksum.
    return ForEachPiece(file, 0, members_[file].size, [&](absl::string_view piece) {
      return *bytes == nullptr ? absl::OkStatus() : (*bytes)->Append(piece);
    });
  }

  const std::string scratch_;
  std::vector<Member> members_;  // by file
  mutable std::vector<Settled> settled_;
  mutable std::mutex mutex_;
  mutable std::vector<ZipHandle> free_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> OpenZip(const std::string& path,
                                                        const std::string& scratch) {
  ASSIGN_OR_RETURN(ZipHandle handle, OpenHandle(path));
  ASSIGN_OR_RETURN(const auto members, ListMembers(path, handle.get()));
  return std::make_shared<ZipTree>(path, scratch, members, std::move(handle));
}

}  // namespace tributary
