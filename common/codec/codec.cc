#include "common/codec/codec.h"

#include <utility>
#include <vector>

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/codec/kernels.h"

namespace tributary {
namespace {

constexpr int kZstdLevel = 1;  // level 3 makes payloads 2 % smaller at a third of the speed

// Unpacks to at most `most` bytes, whatever the payload's own header claims.
absl::Status Unpack(absl::string_view payload, size_t most, std::string* bytes) {
  // zstd writes no more than `most` bytes and fails if the frame holds more: no bomb can unpack.
  bytes->resize(most);
  const size_t got = ZSTD_decompress(bytes->data(), most, payload.data(), payload.size());
  if (ZSTD_isError(got)) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload does not unpack to ", most, " bytes: ", ZSTD_getErrorName(got)));
  }
  bytes->resize(got);
  return absl::OkStatus();
}

absl::Status CheckSize(const CodecRow& row, bool compressed, size_t size, size_t count) {
  const size_t most = row.most_bytes(count);
  const bool fits =
      row.entry_bytes == 0 ? size == most : size <= most && size % row.entry_bytes == 0;
  if (fits) return absl::OkStatus();
  const std::string multiple =
      row.entry_bytes == 0 ? "" : absl::StrCat("a multiple of ", row.entry_bytes, " up to ");
  return absl::InvalidArgumentError(
      absl::StrCat("payload has ", size, " bytes", compressed ? " when unpacked" : "",
                   ", expected ", multiple, most, " for ", count, " values in ", row.word));
}

}  // namespace

std::string ListOfCodecs(bool (*wanted)(const CodecRow& row), absl::string_view conjunction) {
  std::vector<absl::string_view> words;
  for (const CodecRow& row : kCodecTable) {
    if (wanted(row)) words.push_back(row.word);
  }
  if (words.size() < 2) return absl::StrJoin(words, "");
  return absl::StrCat(absl::StrJoin(words.begin(), words.end() - 1, ", "), " ", conjunction, " ",
                      words.back());
}

absl::string_view CodecName(Codec codec) { return RowOf(codec).word; }

v1::Codec CodecToProto(Codec codec) { return RowOf(codec).proto; }

absl::StatusOr<Codec> CodecFromProto(v1::Codec codec) {
  for (const CodecRow& row : kCodecTable) {
    if (row.proto == codec) return row.codec;
  }
  return absl::InvalidArgumentError(absl::StrCat("codec ", static_cast<int>(codec),
                                                 " is unknown; this build knows ",
                                                 ListOfCodecs(MayCarryUpdate, "and")));
}

bool UsesErrorFeedback(Codec codec) { return RowOf(codec).error_feedback; }

size_t CodedBytes(Codec codec, size_t count) { return RowOf(codec).most_bytes(count); }

CodedPayload EncodeValues(Codec codec, absl::Span<const float> values) {
  const CodecRow& row = RowOf(codec);
  std::string payload = row.encode(values);
  const size_t width = row.item_width;
  // Exponents of neighbouring values are alike while their last bytes are noise: apart from each
  // other, zstd finds what repeats.
  std::string planes;
  if (width > 1) {
    planes.resize(payload.size());
    (width == 2 ? SplitPlanes2 : SplitPlanes4)(payload.data(), payload.size() / width,
                                               planes.data());
  }
  const std::string& packable = width > 1 ? planes : payload;
  std::string packed(ZSTD_compressBound(packable.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), packable.data(), packable.size(), kZstdLevel);
  // Unpacking costs the receiver time: a gain of less than 1/32 is not worth it.
  if (ZSTD_isError(size) || size + payload.size() / 32 >= payload.size()) {
    return {.bytes = std::move(payload), .compressed = false};
  }
  packed.resize(size);
  packed.shrink_to_fit();  // the payload is kept as long as the round; the bound is a whole slice
  return {.bytes = std::move(packed), .compressed = true};
}

std::optional<absl::Span<const float>> PlainValues(Codec codec, bool compressed,
                                                   absl::string_view payload) {
  if (codec != Codec::kF32 || compressed) return std::nullopt;
  return F32ValuesAt(payload);
}

absl::Status DecodeValues(Codec codec, bool compressed, absl::string_view payload, size_t count,
                          std::string* scratch, BlockSink sink) {
  const CodecRow& row = RowOf(codec);
  if (compressed) {
    RETURN_IF_ERROR(Unpack(payload, row.most_bytes(count), scratch));
    payload = *scratch;
  }
  RETURN_IF_ERROR(CheckSize(row, compressed, payload.size(), count));
  return row.decode({.bytes = payload, .planes = compressed && row.item_width > 1}, count, sink);
}

void RoundTo(Codec codec, absl::Span<float> values) {
  const CodecRow& row = RowOf(codec);
  if (row.round != nullptr) row.round(values);
}

}  // namespace tributary
