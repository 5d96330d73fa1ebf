#include "common/codec/encoded_state.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// A file of chunks: magic, then per chunk its length and checksum (8 bytes each) and its bytes,
// then an end mark of length 2^64 - 1 and the number of chunks.
constexpr absl::string_view kMagic = "TRIBCHK1";
constexpr uint64_t kEndMark = ~uint64_t{0};

// Where a slice lies: values [begin, end) of tensor `tensor`.
struct Extent {
  size_t tensor;
  size_t begin;
  size_t end;
};

std::vector<Extent> Slices(const StateDict& state, Codec codec, int64_t chunk_bytes) {
  // A slice no larger than a chunk keeps chunks near their size.
  const size_t width = std::max<size_t>(1, CodedBytes(codec, 1024) / 1024);
  const size_t most =
      std::clamp<size_t>(static_cast<size_t>(chunk_bytes) / width, 1024, kMostSliceValues);
  std::vector<Extent> slices;
  for (size_t i = 0; i < state.size(); ++i) {
    const size_t count = state[i].tensor.values.size();
    for (size_t begin = 0; begin < count; begin += most) {
      slices.push_back({i, begin, std::min(begin + most, count)});
    }
  }
  return slices;
}

void RunOnThreads(int threads, size_t jobs, const std::function<void(size_t)>& job) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < jobs; i = next++) job(i);
  };
  std::vector<std::thread> others;
  const size_t extra =
      std::min<size_t>(static_cast<size_t>(std::max(threads, 1)), std::max<size_t>(jobs, 1)) - 1;
  for (size_t i = 0; i < extra; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

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

}  // namespace

EncodedState::EncodedState(std::vector<std::string> chunks) : chunks_(std::move(chunks)) {
  for (const std::string& chunk : chunks_) bytes_ += chunk.size();
}

std::shared_ptr<const EncodedState> EncodedState::Encode(const StateDict& state, Codec codec,
                                                         int64_t chunk_bytes, int threads) {
  const std::vector<Extent> extents = Slices(state, codec, chunk_bytes);
  std::vector<v1::TensorSlice> slices(extents.size());
  RunOnThreads(threads, extents.size(), [&](size_t i) {
    const auto [index, begin, end] = extents[i];
    const Tensor& tensor = state[index].tensor;
    slices[i].set_tensor(static_cast<uint32_t>(index));
    slices[i].set_offset(begin);
    EncodeSlice(tensor.shape.size() > 1 ? codec : Codec::kF32,
                absl::MakeConstSpan(tensor.values).subspan(begin, end - begin), &slices[i]);
  });
  std::vector<v1::Chunk> messages(1);
  int64_t filled = 0;
  for (v1::TensorSlice& slice : slices) {
    if (filled >= chunk_bytes) {
      messages.emplace_back();
      filled = 0;
    }
    filled += static_cast<int64_t>(slice.payload().size());
    *messages.back().add_slices() = std::move(slice);
  }
  std::vector<std::string> chunks(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    messages[i].set_index(static_cast<uint32_t>(i));
    messages[i].set_count(static_cast<uint32_t>(messages.size()));
    chunks[i] = messages[i].SerializeAsString();
    messages[i].Clear();
  }
  return std::shared_ptr<const EncodedState>(new EncodedState(std::move(chunks)));
}

absl::Status EncodedState::Save(const std::string& path) const {
  AtomicFile file(path);
  RETURN_IF_ERROR(file.Write(kMagic));
  for (const std::string& chunk : chunks_) {
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
  return std::move(file).Commit();
}

absl::StatusOr<std::shared_ptr<const EncodedState>> EncodedState::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const absl::Status damaged = absl::DataLossError(absl::StrCat(path, " is damaged or cut short"));
  absl::string_view rest = content;
  if (rest.substr(0, kMagic.size()) != kMagic) return damaged;
  rest.remove_prefix(kMagic.size());
  std::vector<std::string> chunks;
  uint64_t length, number;
  while (TakeNumber(&rest, &length) && TakeNumber(&rest, &number)) {
    if (length == kEndMark) {
      if (number != chunks.size() || chunks.empty() || !rest.empty()) return damaged;
      return std::shared_ptr<const EncodedState>(new EncodedState(std::move(chunks)));
    }
    const absl::string_view chunk = rest.substr(0, length);
    if (chunk.size() != length || Checksum(chunk) != number) return damaged;
    chunks.emplace_back(chunk);
    rest.remove_prefix(length);
  }
  return damaged;
}

}  // namespace tributary
