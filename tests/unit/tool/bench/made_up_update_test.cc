#include "tool/bench/made_up_update.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/codec/state_decoder.h"

namespace tributary {
namespace {

const Manifest kManifest = {{{"table.weight", {300, 1000}}, {"bias", {77}}, {"norm.weight", {9}}}};

// What a coordinator would read, tensor after tensor.
std::vector<std::vector<float>> Decoded(const EncodedState& update) {
  std::vector<std::vector<float>> values;
  for (const TensorSpec& spec : kManifest.tensors) {
    values.emplace_back(static_cast<size_t>(ElementCount(spec.shape)), NAN);
  }
  ChunkReader reader(&kManifest);
  for (const absl::Cord& chunk : update.chunks()) {
    const absl::Status status = reader.Read(
        std::string(chunk), [&](size_t tensor, size_t offset, absl::Span<const float> run) {
          std::copy(run.begin(), run.end(),
                    values[tensor].begin() + static_cast<std::ptrdiff_t>(offset));
        });
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(reader.complete());
  return values;
}

TEST(UpdateMakerTest, AnUpdateIsOneThatACoordinatorTakes) {
  for (const Codec codec : {Codec::kF32, Codec::kF16, Codec::kInt8Block, Codec::kTopK}) {
    UpdateMaker maker(1);
    const auto update = maker.Make(kManifest, codec, false, 1 << 16, 3);
    double squares = 0;
    for (const std::vector<float>& tensor : Decoded(*update)) {
      for (const float value : tensor) {
        ASSERT_TRUE(std::isfinite(value)) << "a value that was never written";
        squares += static_cast<double>(value) * value;
      }
    }
    EXPECT_GT(squares, 0);
    EXPECT_LT(std::sqrt(squares / 300'086), 2e-3) << "small changes, as of training";
  }
}

TEST(UpdateMakerTest, UpdatesDifferByNumberAndBySeed) {
  UpdateMaker maker(1), same(1), other(2);
  const auto make = [](UpdateMaker* from, uint64_t number) {
    return Decoded(*from->Make(kManifest, Codec::kF32, false, 1 << 16, number));
  };
  const auto first = make(&maker, 1);
  EXPECT_EQ(first, make(&maker, 1));
  EXPECT_EQ(first, make(&same, 1));
  EXPECT_NE(first, make(&maker, 2));
  EXPECT_NE(first, make(&other, 1));
}

TEST(UpdateMakerTest, TensorsOfOneUpdateDiffer) {
  UpdateMaker maker(1);
  const auto values = Decoded(*maker.Make(kManifest, Codec::kF32, false, 1 << 20, 1));
  const std::vector<float> begin(values[0].begin(), values[0].begin() + 9);
  EXPECT_NE(begin, values[2]);
}

// Where the long runs of values of an update lie.
std::set<const char*> PlacesOf(const EncodedState& update) {
  std::set<const char*> places;
  for (const absl::Cord& chunk : update.chunks()) {
    for (const absl::string_view piece : chunk.Chunks()) {
      if (piece.size() >= 4096) places.insert(piece.data());
    }
  }
  return places;
}

// So that many large clients fit on one machine: sixteen runs of values serve all of them.
TEST(UpdateMakerTest, PlainUpdatesShareTheirValues) {
  UpdateMaker maker(1);
  const Manifest large = {{{"weight", {16'000, 1000}}}};
  std::set<const char*> places;
  uint64_t bytes = 0;
  for (uint64_t number = 0; number < 4; ++number) {
    const auto update = maker.Make(large, Codec::kF32, true, 1 << 20, number);
    places.merge(PlacesOf(*update));
    bytes += update->bytes();
  }
  EXPECT_GE(bytes, uint64_t{4} * 64'000'000);
  EXPECT_GE(places.size(), 1U);
  EXPECT_LE(places.size(), 32U);
}

}  // namespace
}  // namespace tributary
