// Micro-benchmarks of the data plane: codecs, exact sums, plans, model files. Speeds are in bytes
// of f32 values; compare them with BM_WeightedSum and BM_Copy of the same run.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/random.h"
#include "common/codec/codec.h"
#include "common/codec/encoded_state.h"
#include "common/codec/state_decoder.h"
#include "common/tensor/safetensors.h"
#include "server/aggregation/accumulator.h"
#include "server/aggregation/merge.h"
#include "server/aggregation/plan.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr size_t kSlice = kMostSliceValues;
constexpr int64_t kLastCodec = kCodecs.size() - 1;
constexpr size_t kLarge = 16 << 20;  // values: beyond the caches

std::vector<float> Draw(size_t count) {
  RandomStream stream(1, "data_plane_bench");
  std::vector<float> run(1 << 14), values(count);
  for (float& value : run) value = static_cast<float>(1e-3 * stream.Normal());
  for (size_t i = 0; i < count; ++i) values[i] = run[i % run.size()];
  return values;
}

void CountBytes(benchmark::State& state, size_t values) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(values * sizeof(float)));
}

void BM_Encode(benchmark::State& state) {
  const auto codec = static_cast<Codec>(state.range(0));
  const std::vector<float> values = Draw(kSlice);
  for (auto _ : state) benchmark::DoNotOptimize(EncodeValues(codec, values));
  CountBytes(state, kSlice);
  state.SetLabel(std::string(CodecName(codec)));
}
BENCHMARK(BM_Encode)->DenseRange(0, kLastCodec);

void BM_Decode(benchmark::State& state) {
  const auto codec = static_cast<Codec>(state.range(0));
  const CodedPayload coded = EncodeValues(codec, Draw(kSlice));
  std::string scratch;
  for (auto _ : state) {
    float sum = 0;
    benchmark::DoNotOptimize(
        DecodeValues(codec, coded.compressed, coded.bytes, kSlice, &scratch,
                     [&](size_t, absl::Span<const float> values) { sum += values[0]; }));
    benchmark::DoNotOptimize(sum);
  }
  CountBytes(state, kSlice);
  state.SetLabel(std::string(CodecName(codec)));
}
BENCHMARK(BM_Decode)->DenseRange(0, kLastCodec);

// What the coordinator does with a chunk as it comes: checksum, decoding, range.
void BM_VerifyChunk(benchmark::State& state) {
  const auto codec = static_cast<Codec>(state.range(0));
  StateDict model;
  model.Add("w", {.shape = {1, kSlice}, .values = Draw(kSlice)}).IgnoreError();
  const Manifest manifest = Manifest::Of(model);
  const std::string chunk(EncodedState::Encode(model, codec, 4 * kSlice, 1)->chunks()[0]);
  for (auto _ : state) {
    ChunkReader reader(&manifest, kLargestDelta);
    benchmark::DoNotOptimize(reader.Read(chunk, [](size_t, size_t, absl::Span<const float>) {}));
  }
  CountBytes(state, kSlice);
  state.SetLabel(std::string(CodecName(codec)));
}
BENCHMARK(BM_VerifyChunk)->DenseRange(0, kLastCodec);

void BM_Checksum(benchmark::State& state) {
  const std::vector<float> values = Draw(kSlice);
  for (auto _ : state) benchmark::DoNotOptimize(Checksum(values.data(), 4 * values.size()));
  CountBytes(state, kSlice);
}
BENCHMARK(BM_Checksum);

void BM_Copy(benchmark::State& state) {
  const std::vector<float> values = Draw(kLarge);
  std::vector<float> to(kLarge);
  for (auto _ : state) {
    std::memcpy(to.data(), values.data(), 4 * kLarge);
    benchmark::ClobberMemory();
  }
  CountBytes(state, kLarge);
}
BENCHMARK(BM_Copy);

void BM_WeightedSum(benchmark::State& state) {
  const std::vector<float> values = Draw(kLarge);
  std::vector<float> sums(kLarge);
  for (auto _ : state) {
    for (size_t i = 0; i < kLarge; ++i) sums[i] += 0.125F * values[i];
    benchmark::ClobberMemory();
  }
  CountBytes(state, kLarge);
}
BENCHMARK(BM_WeightedSum);

void BM_Accumulate(benchmark::State& state) {
  const std::vector<float> values = Draw(kLarge);
  Accumulator accumulator({{{"w", {static_cast<int64_t>(kLarge)}}}});
  const auto add = [&] {
    for (size_t i = 0; i < kLarge; i += kDecodeBlock) {
      accumulator.Add(0, i, absl::MakeConstSpan(values).subspan(i, kDecodeBlock), 0.125);
    }
  };
  add();  // the sums' pages are taken when they are first written to
  for (auto _ : state) add();
  CountBytes(state, kLarge);
}
BENCHMARK(BM_Accumulate);

void BM_Merge(benchmark::State& state) {
  Tensor model{.shape = {static_cast<int64_t>(kLarge)}, .values = Draw(kLarge)};
  Accumulator accumulator({{{"w", model.shape}}});
  accumulator.Add(0, 0, Draw(kLarge), 0.125);
  const std::vector<MergeStep> steps = {
      {.tensor = &model, .sums = &accumulator, .place = 0, .factor = 0.5}};
  for (auto _ : state) benchmark::DoNotOptimize(Merge(steps, 1));
  CountBytes(state, kLarge);
}
BENCHMARK(BM_Merge);

// Two kept updates and no sums: bytes are those of the updates.
void BM_MergePlainUpdates(benchmark::State& state) {
  StateDict model;
  model.Add("w", {.shape = {static_cast<int64_t>(kLarge)}, .values = Draw(kLarge)}).IgnoreError();
  const Manifest manifest = Manifest::Of(model);
  const Accumulator nothing(manifest);
  const ScratchFolder scratch;
  SpoolBudget budget(int64_t{1} << 40);
  const auto owner = std::make_shared<const StateDict>(model);
  const auto encoded = EncodedState::Encode(EncodedState::SourcesOf(*owner), owner,
                                            {.codec = Codec::kF32, .plain_f32 = true});
  std::vector<std::shared_ptr<const PlainUpdate>> updates;
  for (int i = 0; i < 2; ++i) {
    auto upload = std::make_shared<Upload>(&manifest, 1, encoded->bytes(),
                                           std::make_unique<Spool>(scratch / "spool", &budget));
    upload->Claim(1);
    AppendChunks(*encoded, 1, upload.get()).IgnoreError();
    updates.push_back(std::make_shared<const PlainUpdate>(*PlainUpdate::Of(std::move(upload), 1)));
  }
  const std::vector<MergeStep> steps = {{.tensor = &model[0].tensor,
                                         .sums = &nothing,
                                         .addends = {{updates[0], 0, 0.5}, {updates[1], 0, 0.5}}}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(Merge(steps, static_cast<int>(state.range(0))));
  }
  CountBytes(state, 2 * kLarge);
}
BENCHMARK(BM_MergePlainUpdates)->Arg(1)->Arg(2)->UseRealTime();

// The plan of a round of the paper's model: three targets, `range` clients of each.
void BM_Plan(benchmark::State& state) {
  Manifest image, text, pair;
  for (int layer = 0; layer < 12; ++layer) {
    for (const char* part :
         {"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight"}) {
      image.tensors.push_back({absl::StrCat("blockses.0.", layer, ".", part), {1}});
      text.tensors.push_back({absl::StrCat("blockses.1.", layer, ".", part), {1}});
    }
  }
  pair.tensors = image.tensors;
  pair.tensors.insert(pair.tensors.end(), text.tensors.begin(), text.tensors.end());
  const std::vector<Target> targets = {{"img", Modality::kImage, image},
                                       {"txt", Modality::kText, text},
                                       {"pair", Modality::kPair, pair}};
  std::vector<CohortMember> cohort;
  for (const Target& target : targets) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      cohort.push_back({absl::StrCat(target.dataset, i), target.dataset, target.modality, 100});
    }
  }
  AggregationConfig config;
  config.share = Share::kAttn;
  config.scope = Scope::kModality;
  config.compensation = true;
  for (auto _ : state) benchmark::DoNotOptimize(BuildPlan(targets, cohort, config));
}
BENCHMARK(BM_Plan)->Arg(3)->Arg(30);

void BM_WriteSafetensors(benchmark::State& state) {
  const ScratchFolder scratch;
  StateDict model;
  model.Add("w", {.shape = {static_cast<int64_t>(kLarge)}, .values = Draw(kLarge)}).IgnoreError();
  for (auto _ : state) benchmark::DoNotOptimize(WriteSafetensors(scratch / "model", model));
  CountBytes(state, kLarge);
}
BENCHMARK(BM_WriteSafetensors)->Unit(benchmark::kMillisecond);

void BM_ReadSafetensors(benchmark::State& state) {
  const ScratchFolder scratch;
  StateDict model;
  model.Add("w", {.shape = {static_cast<int64_t>(kLarge)}, .values = Draw(kLarge)}).IgnoreError();
  WriteSafetensors(scratch / "model", model).IgnoreError();
  for (auto _ : state) benchmark::DoNotOptimize(ReadSafetensors(scratch / "model"));
  CountBytes(state, kLarge);
}
BENCHMARK(BM_ReadSafetensors)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tributary

BENCHMARK_MAIN();
