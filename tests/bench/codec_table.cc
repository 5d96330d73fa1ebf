// What each codec makes of a real difference of two models: bytes, error, speed on one core.
//
//   bench_codecs BEFORE.safetensors AFTER.safetensors
//
// Prints the table of docs/codecs.md.
#include <cmath>
#include <cstdio>
#include <iostream>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/encoded_state.h"
#include "common/codec/state_decoder.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

absl::StatusOr<StateDict> Difference(const std::string& before, const std::string& after) {
  ASSIGN_OR_RETURN(const StateDict from, ReadSafetensors(before));
  ASSIGN_OR_RETURN(StateDict delta, ReadSafetensors(after));
  RETURN_IF_ERROR(CheckSameManifest(Manifest::Of(from), Manifest::Of(delta)));
  for (size_t i = 0; i < delta.size(); ++i) {
    std::vector<float>& values = delta[i].tensor.values;
    for (size_t j = 0; j < values.size(); ++j) values[j] -= from[i].tensor.values[j];
  }
  return delta;
}

double SecondsOf(const std::function<void()>& work) {
  const int64_t begin = absl::GetCurrentTimeNanos();
  work();
  return static_cast<double>(absl::GetCurrentTimeNanos() - begin) * 1e-9;
}

absl::Status PrintRow(const StateDict& delta, Codec codec) {
  const double bytes = 4.0 * static_cast<double>(delta.ElementCount());
  std::shared_ptr<const EncodedState> encoded;
  const double encode =
      SecondsOf([&] { encoded = EncodedState::Encode(delta, codec, 1 << 20, 1); });
  StateDecoder decoder(Manifest::Of(delta));
  absl::Status status;
  std::vector<std::string> chunks;
  for (const absl::Cord& chunk : encoded->chunks()) chunks.emplace_back(chunk);
  const double decode = SecondsOf([&] {
    for (const std::string& chunk : chunks) status.Update(decoder.Add(chunk));
  });
  RETURN_IF_ERROR(status);
  const StateDict back = std::move(decoder).Take();
  double error = 0, norm = 0;
  for (size_t i = 0; i < delta.size(); ++i) {
    for (size_t j = 0; j < delta[i].tensor.values.size(); ++j) {
      const double value = delta[i].tensor.values[j];
      error += std::pow(value - back[i].tensor.values[j], 2);
      norm += value * value;
    }
  }
  std::printf("| `%s` | 1/%.1f | %.1e | %.0f | %.0f |\n", std::string(CodecName(codec)).c_str(),
              bytes / static_cast<double>(encoded->bytes()), std::sqrt(error / norm),
              bytes / 1e6 / encode, bytes / 1e6 / decode);
  return absl::OkStatus();
}

absl::Status Run(const std::string& before, const std::string& after) {
  ASSIGN_OR_RETURN(const StateDict delta, Difference(before, after));
  std::printf("%.1f MB of f32 in %zu tensors\n\n", 4e-6 * static_cast<double>(delta.ElementCount()),
              delta.size());
  std::printf("| codec | bytes | error | encode, MB/s | decode, MB/s |\n|---|---|---|---|---|\n");
  for (const Codec codec : kCodecs) RETURN_IF_ERROR(PrintRow(delta, codec));
  return absl::OkStatus();
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: bench_codecs BEFORE.safetensors AFTER.safetensors\n";
    return tributary::kExitUsage;
  }
  const absl::Status status = tributary::Run(argv[1], argv[2]);
  if (!status.ok()) std::cerr << "bench_codecs: " << status.message() << "\n";
  return tributary::ExitCodeFor(status);
}
