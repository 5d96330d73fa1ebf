#include "preparation/files/gunzip.h"

#include <utility>

#include <zlib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr int kGzipOnly = 16 + MAX_WBITS;

absl::Status Damaged(absl::string_view reason) {
  return absl::DataLossError(
      absl::StrCat("a gzip file that is damaged or cut short: ", reason, "; fetch it anew"));
}

}  // namespace

bool IsGzip(absl::string_view bytes) { return absl::StartsWith(bytes, "\x1f\x8b"); }

GunzipStream::GunzipStream(Source source)
    : source_(std::move(source)), zlib_(std::make_unique<z_stream_s>()), piece_(kPiece, '\0') {
  if (inflateInit2(zlib_.get(), kGzipOnly) != Z_OK) {
    status_ = absl::ResourceExhaustedError("no memory to unpack gzip");
  }
}

GunzipStream::~GunzipStream() { inflateEnd(zlib_.get()); }

absl::StatusOr<bool> GunzipStream::Refill() {
  if (zlib_->avail_in > 0) return true;
  ASSIGN_OR_RETURN(const absl::string_view piece, source_());
  // zlib's interface lacks the const; it does not write to its input.
  zlib_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  zlib_->avail_in = static_cast<uInt>(piece.size());
  return !piece.empty();
}

absl::StatusOr<absl::string_view> GunzipStream::Inflate() {
  while (true) {
    ASSIGN_OR_RETURN(const bool more, Refill());
    if (!more && within_member_) return Damaged("it ends within");
    if (!more) return absl::string_view();
    within_member_ = true;
    zlib_->next_out = reinterpret_cast<Bytef*>(piece_.data());
    zlib_->avail_out = static_cast<uInt>(piece_.size());
    // Z_BUF_ERROR: nothing can be done with this input alone; the next piece is on its way.
    const int result = inflate(zlib_.get(), Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return Damaged(zlib_->msg == nullptr ? "unknown" : zlib_->msg);
    }
    // zlib has compared the member's checksum. Another member may follow, as of files that were
    // packed one by one and put together.
    if (result == Z_STREAM_END) {
      within_member_ = false;
      inflateReset(zlib_.get());
    }
    // Nothing, if the input was only a header or a trailer; an empty result would mean the end.
    const size_t unpacked = piece_.size() - zlib_->avail_out;
    if (unpacked > 0) return absl::string_view(piece_.data(), unpacked);
  }
}

absl::StatusOr<absl::string_view> GunzipStream::Next() {
  RETURN_IF_ERROR(status_);
  auto piece = Inflate();
  status_ = piece.status();
  return piece;
}

absl::StatusOr<std::string> Gunzip(absl::string_view packed, uint64_t most) {
  if (!IsGzip(packed)) return Damaged("it does not begin as one");
  GunzipStream stream([&]() -> absl::StatusOr<absl::string_view> {
    const absl::string_view piece = packed.substr(0, kPiece);
    packed.remove_prefix(piece.size());
    return piece;
  });
  std::string bytes;
  while (true) {
    ASSIGN_OR_RETURN(const absl::string_view piece, stream.Next());
    if (piece.empty()) return bytes;
    if (bytes.size() + piece.size() > most) {
      return absl::ResourceExhaustedError(absl::StrCat("unpacks to more than ", most, " bytes"));
    }
    bytes.append(piece.data(), piece.size());
  }
}

}  // namespace tributary
