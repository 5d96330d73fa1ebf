// Writes the seeds of both fuzzers: make_fuzz_corpus FOLDER, normally tests/fuzz/corpus.
//
// Each seed of fuzz_chunks is read before it is written, and must be refused, or taken, as its
// entry says: a seed that is refused for another reason than its own leads nowhere. Bytes are the
// same each time, but for other versions of zstd.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <zstd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/codec/encoded_state.h"
#include "common/codec/kernels.h"
#include "common/codec/state_decoder.h"
#include "server/aggregation/accumulator.h"  // kLargestDelta
#include "tests/fuzz/fixed_manifest.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {
namespace {

using Chunks = std::vector<v1::Chunk>;

bool all_good = true;

void Write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (!file) {
    std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
    all_good = false;
  }
}

std::string Pack(const std::string& bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1));
  return packed;
}

// A payload packed or not, as asked, whatever is smaller.
std::string Payload(Codec codec, const std::vector<float>& values, bool packed) {
  const CodedPayload coded = EncodeValues(codec, values);
  const size_t width = RowOf(codec).item_width;
  if (coded.compressed == packed) return coded.bytes;
  std::string to = coded.bytes;
  if (packed) {
    const size_t items = to.size() / width;
    if (width == 2) SplitPlanes2(coded.bytes.data(), items, to.data());
    if (width == 4) SplitPlanes4(coded.bytes.data(), items, to.data());
    return Pack(to);
  }
  std::string planes(CodedBytes(codec, values.size()), '\0');
  planes.resize(
      ZSTD_decompress(planes.data(), planes.size(), coded.bytes.data(), coded.bytes.size()));
  to = planes;
  const size_t items = to.size() / width;
  if (width == 2) JoinPlanes2(planes.data(), items, items, to.data());
  if (width == 4) JoinPlanes4(planes.data(), items, items, to.data());
  return to;
}

v1::TensorSlice SliceOf(size_t tensor, size_t offset, Codec codec, bool packed,
                        const std::vector<float>& values) {
  v1::TensorSlice slice;
  slice.set_tensor(static_cast<uint32_t>(tensor));
  slice.set_offset(offset);
  slice.set_count(static_cast<uint32_t>(values.size()));
  slice.set_codec(CodecToProto(codec));
  slice.set_compressed(packed);
  slice.set_payload(Payload(codec, values, packed));
  slice.set_checksum(Checksum(slice.payload()));
  return slice;
}

// A whole transfer, one chunk for each slice but for the small tensors at the end. `most`: values
// of a slice.
Chunks Transfer(Codec codec, bool packed, size_t most) {
  RandomStream stream(1, "fuzz.corpus", 0, CodecName(codec));
  std::vector<v1::TensorSlice> slices;
  const std::vector<TensorSpec>& tensors = FixedManifest().tensors;
  for (size_t tensor = 0; tensor < tensors.size(); ++tensor) {
    const auto count = static_cast<size_t>(ElementCount(tensors[tensor].shape));
    for (size_t begin = 0; begin < count; begin += most) {
      std::vector<float> values(std::min(most, count - begin));
      // What shrinks when it is packed is small in the corpus.
      for (float& value : values) value = static_cast<float>(std::round(2 * stream.Normal()) / 4);
      slices.push_back(SliceOf(tensor, begin, codec, packed, values));
    }
  }
  Chunks chunks;
  for (const v1::TensorSlice& slice : slices) {
    if (chunks.empty() || slice.tensor() < 2 || slice.tensor() == 4) chunks.emplace_back();
    *chunks.back().add_slices() = slice;
  }
  for (size_t i = 0; i < chunks.size(); ++i) {
    chunks[i].set_index(static_cast<uint32_t>(i));
    chunks[i].set_count(static_cast<uint32_t>(chunks.size()));
  }
  return chunks;
}

// What most seeds change: four slices of `weight` in halves, then the rest.
Chunks Plain() { return Transfer(Codec::kF16, true, 1100); }

std::string Joined(const Chunks& chunks) {
  std::vector<std::string> bytes;
  for (const v1::Chunk& chunk : chunks) bytes.push_back(chunk.SerializeAsString());
  return JoinChunks(bytes);
}

// The first error of the transfer; OK if it is complete in the end.
absl::Status Outcome(const std::string& input) {
  ChunkReader reader(&FixedManifest(), kLargestDelta);
  for (const std::string& chunk : SplitChunks(input)) {
    const absl::Status status = reader.Read(chunk, [](size_t, size_t, absl::Span<const float>) {});
    if (!status.ok()) return status;
  }
  return reader.complete() ? absl::OkStatus() : absl::UnknownError("incomplete");
}

// `reason`: what the message of the refusal must hold; empty: the transfer is taken.
void WriteSeed(const std::filesystem::path& folder, const std::string& name,
               const std::string& input, absl::string_view reason) {
  const absl::Status status = Outcome(input);
  if (reason.empty() ? !status.ok() : !absl::StrContains(status.message(), reason)) {
    std::fprintf(stderr, "%s: %s, expected \"%s\"\n", name.c_str(), status.ToString().c_str(),
                 std::string(reason).c_str());
    all_good = false;
  }
  Write(folder / name, input);
}

void SetPayload(v1::TensorSlice* slice, const std::string& payload, bool packed) {
  slice->set_payload(payload);
  slice->set_compressed(packed);
  slice->set_checksum(Checksum(payload));
}

// As the slice is, of these values.
void SetValues(v1::TensorSlice* slice, Codec codec, const std::vector<float>& values) {
  *slice = SliceOf(slice->tensor(), slice->offset(), codec, false, values);
}

void WriteChunkSeeds(const std::filesystem::path& folder) {
  for (const Codec codec : kCodecs) {
    for (const bool packed : {false, true}) {
      // Where it is small, one slice of more than a decoder's block.
      const bool small = Payload(codec, std::vector<float>(4200, 1), false).size() < 4200;
      WriteSeed(folder, absl::StrCat("honest-", CodecName(codec), packed ? "-packed" : "-plain"),
                Joined(Transfer(codec, packed, small ? 4200 : 1100)), "");
    }
  }
  const auto changed = [&](const std::string& name, absl::string_view reason,
                           const std::function<void(Chunks*)>& change) {
    Chunks chunks = Plain();
    change(&chunks);
    WriteSeed(folder, name, Joined(chunks), reason);
  };
  const auto changed_slice = [&](const std::string& name, absl::string_view reason,
                                 const std::function<void(v1::TensorSlice*)>& change) {
    changed(name, reason, [&](Chunks* chunks) { change((*chunks)[1].mutable_slices(0)); });
  };
  const std::vector<float> zeros(1100);
  const auto with_value = [&](float value) {
    std::vector<float> values = zeros;
    values[617] = value;
    return values;
  };

  changed_slice("bomb", "does not unpack to", [](v1::TensorSlice* slice) {
    SetPayload(slice, Pack(std::string(8 << 20, '\0')), true);
  });
  changed_slice("overlapping-slices", "slice begins at",
                [](v1::TensorSlice* slice) { slice->set_offset(slice->offset() - 1); });
  changed_slice("gap-between-slices", "slice begins at",
                [](v1::TensorSlice* slice) { slice->set_offset(slice->offset() + 1); });
  changed_slice("another-tensor", "slice begins at",
                [](v1::TensorSlice* slice) { slice->set_tensor(77); });
  changed("repeated-chunk", "expected chunk 2",
          [](Chunks* chunks) { chunks->insert(chunks->begin() + 1, (*chunks)[1]); });
  changed("wrong-order", "expected chunk 1",
          [](Chunks* chunks) { std::swap((*chunks)[1], (*chunks)[2]); });
  changed("missing-end", "incomplete", [](Chunks* chunks) { chunks->pop_back(); });
  changed("chunk-after-the-end", "expected chunk", [](Chunks* chunks) {
    chunks->push_back(chunks->back());
    chunks->back().set_index(chunks->back().count());
  });
  changed("slice-after-the-end", "after the manifest's last value",
          [](Chunks* chunks) { *chunks->back().add_slices() = (*chunks)[0].slices(0); });
  changed("end-before-the-last-value", "is not complete",
          [](Chunks* chunks) { chunks->back().mutable_slices()->RemoveLast(); });
  changed_slice("wrong-checksum", "checksum",
                [](v1::TensorSlice* slice) { slice->set_checksum(slice->checksum() + 1); });
  changed("lying-chunk-count", "of 99", [](Chunks* chunks) { (*chunks)[1].set_count(99); });
  changed_slice("lying-count-small", "unpack to",
                [](v1::TensorSlice* slice) { slice->set_count(1099); });
  changed_slice("lying-count-large", "expected 1 to",
                [](v1::TensorSlice* slice) { slice->set_count(1 << 30); });
  changed_slice("lying-count-zero", "expected 1 to",
                [](v1::TensorSlice* slice) { slice->set_count(0); });
  changed_slice("payload-too-long", "expected 2200",
                [&](v1::TensorSlice* slice) { SetPayload(slice, std::string(2202, '\0'), false); });
  changed_slice("payload-too-short", "expected 2200",
                [&](v1::TensorSlice* slice) { SetPayload(slice, std::string(2198, '\0'), false); });
  changed_slice("payload-packed-too-short", "when unpacked", [&](v1::TensorSlice* slice) {
    SetPayload(slice, Pack(std::string(2198, '\0')), true);
  });
  changed_slice("payload-empty", "expected 2200",
                [&](v1::TensorSlice* slice) { SetPayload(slice, "", false); });
  changed_slice("payload-not-packed-at-all", "does not unpack",
                [&](v1::TensorSlice* slice) { SetPayload(slice, std::string(2200, '\0'), true); });
  changed_slice("unknown-codec", "codec 7 is unknown",
                [](v1::TensorSlice* slice) { slice->set_codec(static_cast<v1::Codec>(7)); });
  changed_slice("unknown-sum-codec", "codec 99 is unknown",
                [](v1::TensorSlice* slice) { slice->set_sum_codec(static_cast<v1::Codec>(99)); });
  changed_slice("nan", "finite", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kF32, with_value(std::numeric_limits<float>::quiet_NaN()));
  });
  changed_slice("infinity", "finite", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kF16, with_value(-std::numeric_limits<float>::infinity()));
  });
  changed_slice("beyond-the-limit", "magnitude", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kF32, with_value(std::nextafter(kLargestDelta, 1e9F)));
  });
  changed_slice("at-the-limit", "", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kF32, with_value(-kLargestDelta));
  });
  changed_slice("int8-scale-nan", "finite", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kInt8Block, zeros);
    std::string payload = slice->payload();
    payload.replace(260, 4, std::string("\xff\xff\xff\x7f", 4));
    SetPayload(slice, payload, false);
  });
  changed_slice("int4-code-zero", "the code 0", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kInt4Block, zeros);
    std::string payload = slice->payload();
    payload.back() = 0;
    SetPayload(slice, payload, false);
  });
  changed_slice("topk-outside", "of a slice of 1100", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kTopK, with_value(1));
    SetPayload(slice, std::string("\x4c\x04\x80\x3f", 4), false);
  });
  changed_slice("topk-not-whole-entries", "a multiple of 4", [&](v1::TensorSlice* slice) {
    SetValues(slice, Codec::kTopK, with_value(1));
    SetPayload(slice, Pack(std::string(4398, '\0')), true);
  });
  changed_slice("topk-of-zeros", "",
                [&](v1::TensorSlice* slice) { SetValues(slice, Codec::kTopK, zeros); });
  for (const Codec codec : {Codec::kF32, Codec::kF16, Codec::kBf16, Codec::kInt8Block}) {
    changed_slice(absl::StrCat("denormals-", CodecName(codec)), "", [&](v1::TensorSlice* slice) {
      std::vector<float> values = zeros;
      const float least =
          codec == Codec::kF16 ? 0x1p-24F : std::numeric_limits<float>::denorm_min();
      for (size_t i = 0; i < values.size(); ++i) values[i] = least * static_cast<float>(i % 7);
      SetValues(slice, codec, values);
      SetPayload(slice, Payload(codec, values, true), true);
    });
  }
  changed("codecs-mixed", "", [&](Chunks* chunks) {
    SetValues((*chunks)[0].mutable_slices(0), Codec::kTopK, with_value(2));
    SetValues((*chunks)[2].mutable_slices(0), Codec::kInt4Block, with_value(2));
  });
  const auto as_differences = [](Chunks* chunks) {
    for (v1::Chunk& chunk : *chunks) {
      chunk.set_version(9);
      chunk.set_base_version(5);
      for (v1::TensorSlice& slice : *chunk.mutable_slices()) slice.set_sum_codec(v1::CODEC_F16);
    }
  };
  changed("differences", "", as_differences);
  changed("versions-that-change", "begin again with chunk 0", [&](Chunks* chunks) {
    as_differences(chunks);
    (*chunks)[2].set_version(10);
  });
  changed("refused-then-right", "checksum", [](Chunks* chunks) {
    chunks->insert(chunks->begin() + 1, (*chunks)[1]);
    (*chunks)[1].mutable_slices(0)->set_checksum(1);
  });
  changed("refused-in-its-second-slice", "checksum", [](Chunks* chunks) {
    const auto two = std::find_if(chunks->begin(), chunks->end(),
                                  [](const v1::Chunk& chunk) { return chunk.slices_size() > 1; });
    const auto broken = chunks->insert(two, *two);
    broken->mutable_slices(1)->set_checksum(1);
  });
  const std::string whole = Joined(Plain());
  WriteSeed(folder, "cut-short", whole.substr(0, 1200), "not a Chunk message");
  WriteSeed(folder, "no-chunk", JoinChunks({{"\x07\xff\xff garbage"}}), "not a Chunk message");
  WriteSeed(folder, "nothing", "", "incomplete");
}

void WritePushSeeds(const std::filesystem::path& folder) {
  const auto write = [&](const std::string& name, uint8_t fragment, const std::string& message) {
    Write(folder / name, static_cast<char>(fragment) + message);
  };
  v1::PushMessage push, header;
  *push.mutable_chunk() = Transfer(Codec::kTopK, true, 300)[0];
  push.mutable_chunk()->set_version(9);
  push.mutable_chunk()->set_base_version(5);
  push.mutable_chunk()->mutable_slices(0)->set_sum_codec(v1::CODEC_F16);
  v1::TensorSlice* second = push.mutable_chunk()->add_slices();
  second->set_offset(uint64_t{1} << 40);
  second->set_payload("abc");
  push.mutable_chunk()->add_slices();
  header.mutable_header()->set_session("session");
  header.mutable_header()->set_chunks(3);
  const std::string chunk = push.chunk().SerializeAsString(), good = push.SerializeAsString();
  const auto as_push = [](const std::string& bytes) {
    return absl::StrCat("\x12", std::string(1, static_cast<char>(bytes.size())), bytes);
  };
  for (const int size : {1, 2, 3, 6, 7, 256}) {
    write(absl::StrCat("chunk-in-fragments-of-", size), static_cast<uint8_t>(size - 1), good);
  }
  v1::PushMessage large;
  *large.mutable_chunk() = Transfer(Codec::kInt8Block, false, 1100)[0];
  write("chunk-of-a-long-length", 255, large.SerializeAsString());
  write("header", 255, header.SerializeAsString());
  write("header-then-chunk", 255, header.SerializeAsString() + good);
  write("chunk-then-header", 255, good + header.SerializeAsString());
  write("nothing", 0, "");
  write("empty-chunk", 0, std::string("\x12\x00", 2));
  write("length-too-large", 3,
        "\x12\x05"
        "abc");
  write("length-too-small", 3,
        "\x12\x02"
        "abc");
  write("length-of-ten-bytes", 3, std::string("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
  write("length-longer-than-needed", 3, std::string("\x12\x82\x00\x08\x03", 5));
  write("cut-short", 9, good.substr(0, good.size() - 5));
  write("rubbish", 9, "\x07\xff\xff garbage");
  // Framing that Protocol Buffers takes, in forms that our own writer never gives.
  write("fields-twice", 255, as_push("\x08\x01\x08\x02\x10\x05\x1a\x04\x08\x01\x08\x02"));
  write("payload-twice", 255,
        as_push("\x1a\x09\x32\x03"
                "abc\x32\x02"
                "de"));
  write("fields-in-another-order", 255,
        as_push("\x1a\x07\x32\x03"
                "abc\x08\x04\x10\x05\x08\x01"));
  write("unknown-fields", 255,
        as_push("\x30\x07\x3a\x03"
                "abc\x45"
                "abcd\x49"
                "abcdefgh\x53\x08\x01\x54\x1a\x02\x50\x07"));
  write("known-numbers-of-other-types", 255,
        as_push("\x0a\x01"
                "a\x15"
                "abcd\x18\x07\x20\x01"));
  write("numbers-too-wide", 255,
        as_push("\x1a\x0d\x08\x85\x80\x80\x80\x10\x20\x82\x80\x80\x80\x80\x01"));
  write("slice-beyond-the-chunk", 255, as_push("\x1a\x7f\x08\x01"));
  write("payload-beyond-the-slice", 255,
        as_push("\x1a\x02\x32\x05"
                "abcde"));
  write("group-without-an-end", 255, as_push("\x53\x53\x08\x01"));
  write("tag-zero", 255, as_push(std::string("\x08\x01\x00\x01", 4)));
  write("chunk-cut-within", 255, as_push(chunk.substr(0, 100)));
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder / "chunks");
  std::filesystem::create_directories(folder / "push");
  tributary::WriteChunkSeeds(folder / "chunks");
  tributary::WritePushSeeds(folder / "push");
  return tributary::all_good ? 0 : 1;
}
