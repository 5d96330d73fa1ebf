#include "common/codec/encoded_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// A file of chunks: magic, then per chunk its length and checksum (8 bytes each) and its bytes,
// then an end mark of length 2^64 - 1 and the number of chunks.
constexpr absl::string_view kMagic = "TRIBCHK1";
constexpr uint64_t kEndMark = ~uint64_t{0};
// A slice below 4 KiB is not worth its framing and its call of a codec: the rest of a tensor joins
// the slice before it, and a chunk with less room left is closed.
constexpr size_t kLeastSliceValues = 1024;
constexpr int64_t kSliceFraming = 64;  // bytes around a slice's payload, at most

void AppendNumber(uint64_t number, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Takes a number off the front; false if there are too few bytes.
bool TakeNumber(absl::string_view* bytes, uint64_t* number) {
  if (bytes->size() < sizeof(*number)) return false;
  std::memcpy(number, bytes->data(), sizeof(*number));
  bytes->remove_prefix(sizeof(*number));
  return true;
}

absl::Cord OwningCord(std::string bytes) {
  auto* held = new std::string(std::move(bytes));
  return absl::MakeCordFromExternal(*held, [held] { delete held; });
}

absl::string_view BytesOf(absl::Span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// A hash of the slices as the version of their values: a coordinator that encodes the same model
// again after a restart gives it the same version, so that clients may keep what they hold. Never
// 0.
uint64_t VersionOf(absl::Span<const EncodedSlice> slices) {
  std::string numbers;
  for (const EncodedSlice& slice : slices) {
    AppendNumber(slice.head.tensor, &numbers);
    AppendNumber(slice.head.offset, &numbers);
    AppendNumber(static_cast<uint64_t>(slice.head.codec), &numbers);
    AppendNumber(slice.head.checksum, &numbers);
  }
  return std::max<uint64_t>(Checksum(numbers), 1);
}

// The bytes that a slice adds to a chunk.
int64_t BytesInChunk(size_t payload) { return static_cast<int64_t>(payload) + kSliceFraming; }

// Whether a chunk with `filled` bytes is closed: no slice that is worth it fits any more.
bool IsFull(int64_t filled, int64_t chunk_bytes) {
  return filled > 0 &&
         filled + static_cast<int64_t>(kLeastSliceValues * sizeof(float)) > chunk_bytes;
}

}  // namespace

Codec CodecOfTensor(const TensorSpec& spec, Codec codec) {
  const bool small = UsesErrorFeedback(codec);
  if (small && absl::StartsWith(spec.name, "public.")) return Codec::kF16;
  if (codec == Codec::kF16 && absl::StartsWith(spec.name, "control.")) codec = Codec::kBf16;
  if (spec.shape.size() > 1) return codec;
  const bool delicate = absl::StrContains(spec.name, "norm") ||
                        absl::StrContains(spec.name, "Norm") ||
                        absl::EndsWith(spec.name, "cross_modal_scale");
  return small && !delicate ? Codec::kInt8Block : Codec::kF32;
}

std::vector<EncodedState::Extent> EncodedState::ExtentsOf(const Manifest& manifest,
                                                          int64_t chunk_bytes) {
  std::vector<Extent> extents;
  int64_t filled = 0;
  for (size_t tensor = 0; tensor < manifest.tensors.size(); ++tensor) {
    const auto end = static_cast<size_t>(ElementCount(manifest.tensors[tensor].shape));
    for (size_t begin = 0; begin < end;) {
      if (IsFull(filled, chunk_bytes)) filled = 0;
      const int64_t room = std::max<int64_t>(0, chunk_bytes - filled - kSliceFraming);
      size_t count = std::clamp<size_t>(static_cast<size_t>(room) / sizeof(float),
                                        kLeastSliceValues, kMostSliceValues);
      // A rest that is too small for a slice of its own joins this one.
      if (end - begin < count + kLeastSliceValues) count = end - begin;
      count = std::min<size_t>(count, kMostSliceValues);
      extents.push_back({tensor, begin, begin + count});
      begin += count;
      filled += BytesInChunk(count * sizeof(float));
    }
  }
  return extents;
}

EncodedState::EncodedState(std::vector<absl::Cord> chunks, const ValuesVersion& version)
    : chunks_(std::move(chunks)), version_(version) {
  for (const absl::Cord& chunk : chunks_) bytes_ += chunk.size();
}

std::vector<EncodedState::Source> EncodedState::SourcesOf(const StateDict& state) {
  std::vector<Source> sources;
  for (const StateDict::Entry& entry : state) {
    sources.push_back({{entry.name, entry.tensor.shape}, entry.tensor.values});
  }
  return sources;
}

EncodedSlice EncodedState::EncodeSlice(const TensorSpec& spec, const Extent& extent,
                                       absl::Span<const float> values,
                                       const std::shared_ptr<const void>& owner,
                                       const Options& options) {
  const Codec codec = CodecOfTensor(spec, options.codec);
  EncodedSlice slice;
  slice.head = {.tensor = static_cast<uint32_t>(extent.tensor),
                .offset = extent.begin,
                .count = static_cast<uint32_t>(values.size()),
                .codec = CodecToProto(codec)};
  const Codec sum_codec = CodecOfTensor(spec, options.sum_codec);
  // f32 is the default on the wire: no rounding.
  if (sum_codec != Codec::kF32) slice.head.sum_codec = CodecToProto(sum_codec);
  if (codec == Codec::kF32 && options.plain_f32) {
    slice.head.checksum = Checksum(BytesOf(values));
    slice.payload = absl::MakeCordFromExternal(BytesOf(values), [owner] {});
    if (options.on_decoded) options.on_decoded(extent.tensor, extent.begin, values);
    return slice;
  }
  CodedPayload coded = EncodeValues(codec, values);
  slice.head.compressed = coded.compressed;
  slice.head.checksum = Checksum(coded.bytes);
  if (options.on_decoded) {
    std::string scratch;
    // Cannot fail: these bytes were just encoded. Decoding them gives exactly what a receiver
    // holds.
    DecodeValues(codec, coded.compressed, coded.bytes, values.size(), &scratch,
                 [&](size_t offset, absl::Span<const float> decoded) {
                   options.on_decoded(extent.tensor, extent.begin + offset, decoded);
                 })
        .IgnoreError();
  }
  slice.payload = OwningCord(std::move(coded.bytes));
  return slice;
}

std::shared_ptr<const EncodedState> EncodedState::Encode(absl::Span<const Source> tensors,
                                                         std::shared_ptr<const void> owner,
                                                         const Options& options) {
  Manifest manifest;
  for (const Source& tensor : tensors) manifest.tensors.push_back(tensor.spec);
  // Where slices begin depends on the manifest alone, not on how small they become: otherwise
  // chunks could not be encoded in parallel, and differences would not line up with whole models.
  const std::vector<Extent> extents = ExtentsOf(manifest, options.chunk_bytes);
  std::vector<EncodedSlice> slices(extents.size());
  ParallelFor(options.threads, extents.size(), [&](size_t i) {
    const Extent& extent = extents[i];
    const Source& tensor = tensors[extent.tensor];
    slices[i] =
        EncodeSlice(tensor.spec, extent,
                    tensor.values.subspan(extent.begin, extent.end - extent.begin), owner, options);
  });
  return Assemble(slices, options.chunk_bytes, options.version);
}

std::shared_ptr<const EncodedState> EncodedState::Assemble(absl::Span<const EncodedSlice> slices,
                                                           int64_t chunk_bytes,
                                                           ValuesVersion version) {
  if (version.version == 0) version.version = VersionOf(slices);
  std::vector<size_t> begins = {0};  // each chunk's first slice
  int64_t filled = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    if (IsFull(filled, chunk_bytes)) {
      begins.push_back(i);
      filled = 0;
    }
    filled += BytesInChunk(slices[i].payload.size());
  }
  std::vector<absl::Cord> chunks(begins.size());
  for (size_t i = 0; i < begins.size(); ++i) {
    const size_t end = i + 1 < begins.size() ? begins[i + 1] : slices.size();
    chunks[i] = WriteChunk({.index = static_cast<uint32_t>(i),
                            .count = static_cast<uint32_t>(begins.size()),
                            .version = version},
                           slices.subspan(begins[i], end - begins[i]));
  }
  return std::shared_ptr<const EncodedState>(new EncodedState(std::move(chunks), version));
}

std::shared_ptr<const EncodedState> EncodedState::Encode(const StateDict& state, Codec codec,
                                                         int64_t chunk_bytes, int threads) {
  return Encode(SourcesOf(state), nullptr,
                {.codec = codec, .chunk_bytes = chunk_bytes, .threads = threads});
}

absl::Status EncodedState::Save(const std::string& path, uint64_t* checksum,
                                const std::string& recycled) const {
  AtomicFile file(path, recycled);
  // No count in front: the end mark holds it, so that a file that was cut short has none.
  RETURN_IF_ERROR(file.Write(kMagic));
  for (const absl::Cord& cord : chunks_) {
    const std::string chunk(cord);
    std::string head;
    AppendNumber(chunk.size(), &head);
    AppendNumber(Checksum(chunk), &head);
    RETURN_IF_ERROR(file.Write(head));
    RETURN_IF_ERROR(file.Write(chunk));
  }
  std::string tail;
  AppendNumber(kEndMark, &tail);
  AppendNumber(chunks_.size(), &tail);
  RETURN_IF_ERROR(file.Write(tail));
  if (checksum != nullptr) *checksum = file.checksum();
  return std::move(file).Commit();
}

absl::StatusOr<std::shared_ptr<const EncodedState>> EncodedState::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const absl::Status damaged = absl::DataLossError(absl::StrCat(path, " is damaged or cut short"));
  absl::string_view rest = content;
  if (rest.substr(0, kMagic.size()) != kMagic) return damaged;
  rest.remove_prefix(kMagic.size());
  std::vector<absl::Cord> chunks;
  ValuesVersion version;
  uint64_t length, number;
  while (TakeNumber(&rest, &length) && TakeNumber(&rest, &number)) {
    if (length == kEndMark) {
      if (number != chunks.size() || chunks.empty() || !rest.empty()) return damaged;
      return std::shared_ptr<const EncodedState>(new EncodedState(std::move(chunks), version));
    }
    const absl::string_view chunk = rest.substr(0, length);
    if (chunk.size() != length || Checksum(chunk) != number) return damaged;
    const absl::StatusOr<ChunkHead> head = ReadChunkHead(chunk);
    if (!head.ok()) return damaged;
    version = head->version;
    chunks.push_back(OwningCord(std::string(chunk)));
    rest.remove_prefix(length);
  }
  return damaged;
}

}  // namespace tributary
