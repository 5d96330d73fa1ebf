// A ChunkReader that is fed any chunks, as the coordinator's is.
#include <bitset>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/codec/state_decoder.h"
#include "server/aggregation/accumulator.h"  // kLargestDelta
#include "tests/fuzz/fixed_manifest.h"
#include "tests/fuzz/fuzz_target.h"

namespace tributary {
namespace {

constexpr size_t kMostValues = 8192;

// Which values of all tensors, in a row, a sink has got.
class Seen {
 public:
  void Add(size_t tensor, size_t offset, absl::Span<const float> values) {
    const std::vector<TensorSpec>& tensors = FixedManifest().tensors;
    FUZZ_CHECK(tensor < tensors.size());
    const auto count = static_cast<size_t>(ElementCount(tensors[tensor].shape));
    FUZZ_CHECK(!values.empty());
    FUZZ_CHECK(offset <= count && values.size() <= count - offset);
    size_t first = offset;
    for (size_t i = 0; i < tensor; ++i)
      first += static_cast<size_t>(ElementCount(tensors[i].shape));
    for (size_t i = 0; i < values.size(); ++i) {
      FUZZ_CHECK(std::isfinite(values[i]) && std::abs(values[i]) <= kLargestDelta);
      FUZZ_CHECK(!seen_[first + i]);
      seen_[first + i] = true;
    }
  }
  size_t count() const { return seen_.count(); }

 private:
  std::bitset<kMostValues> seen_;
};

// The chunk with the checksums that its payloads have. No search finds one, so that without this
// nothing behind the comparison would ever see a changed payload.
std::string WithRightChecksums(const std::string& bytes) {
  v1::Chunk chunk;
  if (!chunk.ParseFromString(bytes)) return bytes;
  for (v1::TensorSlice& slice : *chunk.mutable_slices()) {
    slice.set_checksum(Checksum(slice.payload()));
  }
  return chunk.SerializeAsString();
}

void ReadAll(const std::vector<std::string>& chunks, bool right_checksums) {
  const Manifest& manifest = FixedManifest();
  ChunkReader reader(&manifest, kLargestDelta);
  Seen seen;  // of accepted chunks
  std::string scratch;
  for (const std::string& input : chunks) {
    const std::string chunk = right_checksums ? WithRightChecksums(input) : input;
    const uint32_t before = reader.next_chunk();
    const ValuesVersion version = reader.version();
    const bool complete = reader.complete();
    Seen with_this = seen;
    const absl::Status status =
        reader.Read(chunk, [&](size_t tensor, size_t offset, absl::Span<const float> values) {
          with_this.Add(tensor, offset, values);
        });
    if (!status.ok()) {
      FUZZ_CHECK(reader.next_chunk() == before);
      FUZZ_CHECK(reader.version() == version);
      FUZZ_CHECK(reader.complete() == complete);
      // It stands where it stood: the same chunk meets the same refusal.
      FUZZ_CHECK(reader.Read(chunk, [](size_t, size_t, absl::Span<const float>) {}) == status);
      continue;
    }
    FUZZ_CHECK(!complete);
    FUZZ_CHECK(reader.next_chunk() == before + 1);
    // What was accepted decodes to the same places once more.
    Seen again = seen;
    DecodeChunk(chunk, &scratch, [&](size_t tensor, size_t offset, absl::Span<const float> values) {
      again.Add(tensor, offset, values);
    });
    FUZZ_CHECK(again.count() == with_this.count());
    seen = with_this;
  }
  const auto total = static_cast<size_t>(manifest.ElementCount());
  FUZZ_CHECK(total <= kMostValues);
  if (reader.complete()) FUZZ_CHECK(seen.count() == total);
}

}  // namespace
}  // namespace tributary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> chunks =
      tributary::SplitChunks({reinterpret_cast<const char*>(data), size});
  tributary::ReadAll(chunks, false);
  tributary::ReadAll(chunks, true);
  return 0;
}
