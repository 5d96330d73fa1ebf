#include "server/aggregation/upload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "server/aggregation/accumulator.h"

namespace tributary {

uint64_t MostUploadBytes(uint64_t elements, uint64_t tensors) {
  return elements * 4 + elements / 16 + tensors * 256 + (64 << 10);
}

UploadBounds BoundsOf(const Manifest& manifest) {
  const uint64_t tensors = manifest.tensors.size();
  UploadBounds bounds;
  bounds.bytes = MostUploadBytes(static_cast<uint64_t>(manifest.ElementCount()), tensors);
  // A chunk holds at least a kilobyte, but for the last and for tiny tensors.
  bounds.chunks = bounds.bytes / 1024 + tensors + 1;
  return bounds;
}

Upload::Upload(const Manifest* manifest, size_t added, uint64_t most_bytes,
               std::unique_ptr<Spool> spool)
    : added_(added),
      most_bytes_(most_bytes),
      spool_(std::move(spool)),
      reader_(manifest, kLargestDelta) {
  absl::MutexLock lock(&mutex_);
  for (size_t i = added; i < manifest->tensors.size(); ++i) {
    // Names of a manifest are unique.
    const TensorSpec& spec = manifest->tensors[i];
    representations_.Add(spec.name, Tensor::Zeros(spec.shape)).IgnoreError();
  }
}

uint32_t Upload::Claim(int ticket) {
  absl::MutexLock lock(&mutex_);
  ticket_ = ticket;
  return reader_.next_chunk();
}

bool Upload::Reserve() {
  absl::MutexLock lock(&mutex_);
  reserved_ = reserved_ || spool_->Reserve(most_bytes_ - spool_->bytes());
  return reserved_;
}

bool Upload::reserved() const {
  absl::MutexLock lock(&mutex_);
  return reserved_;
}

absl::Status Upload::Append(int ticket, std::string chunk) {
  absl::MutexLock lock(&mutex_);
  if (ticket != ticket_) return absl::AbortedError("another stream has taken this upload over");
  if (spool_->bytes() + chunk.size() > most_bytes_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the upload has more than ", most_bytes_,
        " bytes, the most that its manifest and its header allow: a tensor is too long "
        "or sent twice"));
  }
  // The reader moves on as it verifies. If the chunk then cannot be spooled (a full disk), it must
  // go back, so that the client may send the same chunk again.
  const ChunkReader::Position before = reader_.position();
  RETURN_IF_ERROR(
      reader_.Read(chunk, [this](size_t tensor, size_t offset, absl::Span<const float> values)
                              ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                if (tensor < added_) return;
                                std::copy(values.begin(), values.end(),
                                          representations_[tensor - added_].tensor.values.begin() +
                                              static_cast<std::ptrdiff_t>(offset));
                              }));
  absl::Status spooled = spool_->Append(std::move(chunk));
  if (!spooled.ok()) reader_.GoBackTo(before);
  return spooled;
}

uint32_t Upload::chunks() const {
  absl::MutexLock lock(&mutex_);
  return reader_.next_chunk();
}

uint64_t Upload::bytes() const {
  absl::MutexLock lock(&mutex_);
  return spool_->bytes();
}

absl::Status Upload::CheckComplete() const {
  absl::MutexLock lock(&mutex_);
  if (reader_.complete()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the update ends after ", reader_.next_chunk(),
                                                 " chunks, before its last tensor"));
}

StateDict Upload::TakeRepresentations() {
  absl::MutexLock lock(&mutex_);
  return std::move(representations_);
}

}  // namespace tributary
