// Data: tokens, partitions, resizing and normalisation against the golden numbers.
// docs/algorithm.md section 2.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/data/tokenizer.h"
#include "common/data/transforms.h"
#include "preparation/dealing/partition.h"
#include "preparation/shards/image.h"
#include "tests/golden/golden_data.h"

namespace tributary {
namespace {

TEST(WordPieceTest, EveryLineGivesTheIdsOfTheOriginal) {
  const auto path = FindVocabulary("");
  ASSERT_TRUE(path.ok()) << path.status();
  const auto tokenizer = Tokenizer::Load(*path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  std::ifstream file(GoldenPath("wordpiece/cases.jsonl"));
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const auto golden = nlohmann::ordered_json::parse(line);
    const auto text = golden.at("text").get<std::string>();
    EXPECT_EQ((*tokenizer)->Encode(text), golden.at("ids").get<std::vector<int64_t>>()) << text;
    for (const auto& [key, ids] : golden.items()) {
      if (key == "text" || key == "ids") continue;
      // "ids_LENGTH": truncated and padded to so many.
      int64_t length = 0;
      ASSERT_TRUE(absl::StartsWith(key, "ids_") && absl::SimpleAtoi(key.substr(4), &length)) << key;
      EXPECT_EQ((*tokenizer)->Encode(text, length), ids.get<std::vector<int64_t>>()) << text;
    }
  }
  EXPECT_GT(lines, 0);
}

// Gives the draws that the release made, in their order.
class ReplayedDraws : public PartitionDraws {
 public:
  explicit ReplayedDraws(const nlohmann::ordered_json& draws) : draws_(draws) {}
  void Shuffle(std::vector<int64_t>* items) override {
    const auto& next = Next();
    EXPECT_TRUE(next.at("kind") == "shuffled" || next.at("kind") == "permutation") << next;
    const auto shuffled = next.at("value").get<std::vector<int64_t>>();
    EXPECT_EQ(Sorted(shuffled), Sorted(*items)) << "the draw shuffles other items than ours";
    *items = shuffled;
  }
  std::vector<double> Dirichlet(double, size_t parts) override {
    const auto& next = Next();
    EXPECT_EQ(next.at("kind"), "dirichlet");
    EXPECT_EQ(next.at("value").size(), parts);
    return next.at("value").get<std::vector<double>>();
  }
  double Uniform(double low, double high) override {
    if (uniform_.empty()) {
      const auto& next = Next();
      EXPECT_EQ(next.at("kind"), "uniform");
      for (const auto& value : next.at("value")) uniform_.push_back(value);
    }
    const double value = uniform_.front();
    uniform_.pop_front();
    EXPECT_TRUE(low <= value && value <= high) << value << " is not from our range";
    return value;
  }
  bool AllUsed() const { return next_ == draws_.size() && uniform_.empty(); }

 private:
  static std::vector<int64_t> Sorted(std::vector<int64_t> items) {
    std::sort(items.begin(), items.end());
    return items;
  }
  const nlohmann::ordered_json& Next() {
    ExpectKnownKeys(draws_.at(next_), {"kind", "value"});
    return draws_.at(next_++);
  }
  const nlohmann::ordered_json& draws_;
  size_t next_ = 0;
  std::deque<double> uniform_;  // of the last such draw, not yet used
};

TEST(PartitionTest, TheReleasesSplitsFollowFromItsDraws) {
  const nlohmann::ordered_json cases = GoldenJson("partition/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    ExpectKnownKeys(
        golden, {"kind", "labels", "classes", "clients", "alpha", "samples", "draws", "result"});
    ReplayedDraws draws(golden.at("draws"));
    const int clients = golden.at("clients");
    const int64_t samples = golden.at("samples");
    Partition partition;
    if (golden.at("kind") == "class") {
      const auto labels = golden.at("labels").get<std::vector<int32_t>>();
      ASSERT_EQ(static_cast<int64_t>(labels.size()), samples);
      for (const int32_t label : labels) {
        ASSERT_TRUE(0 <= label && label < golden.at("classes").get<int>()) << label;
      }
      const auto made =
          PartitionDirichlet(labels, golden.at("classes"), clients, golden.at("alpha"), &draws);
      ASSERT_TRUE(made.ok()) << made.status();
      partition = *made;
    } else {
      ASSERT_EQ(golden.at("kind"), "pair");
      // The first draw is a permutation of the images.
      const auto images = static_cast<int64_t>(golden.at("draws").at(0).at("value").size());
      ASSERT_EQ(samples % images, 0);
      partition = PartitionPairs(images, samples / images, clients, &draws);
    }
    EXPECT_TRUE(draws.AllUsed());
    ASSERT_EQ(golden.at("result").size(), static_cast<size_t>(clients));
    for (int client = 0; client < clients; ++client) {
      EXPECT_EQ(partition[static_cast<size_t>(client)],
                golden.at("result").at(std::to_string(client)).get<std::vector<int64_t>>());
    }
  }
}

std::vector<float> FloatsOf(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsFile::Entry* entry = file.Find(name);
  EXPECT_NE(entry, nullptr) << name;
  std::vector<float> values(entry->bytes.size() / sizeof(float));
  std::memcpy(values.data(), entry->bytes.data(), entry->bytes.size());
  return values;
}

TEST(ResizeTest, PixelsAreWithinOneLevelOfTheOriginal) {
  const nlohmann::ordered_json cases = GoldenJson("image_resize/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    ExpectKnownKeys(golden, {"file", "height", "width", "size"});
    const auto file =
        SafetensorsFile::Open(GoldenPath("image_resize/" + golden.at("file").get<std::string>()));
    ASSERT_TRUE(file.ok()) << file.status();
    const SafetensorsFile::Entry* input = (*file)->Find("input");
    const SafetensorsFile::Entry* expected = (*file)->Find("resized");
    ASSERT_TRUE(input != nullptr && expected != nullptr) << golden;
    const int64_t height = golden.at("height"), width = golden.at("width"),
                  size = golden.at("size"), channels = input->shape.back();
    ASSERT_EQ(input->shape, (Shape{height, width, channels})) << golden;
    ASSERT_EQ(expected->shape, (Shape{size, size, channels})) << golden;
    const Image image{height, width, channels, {input->bytes.begin(), input->bytes.end()}};
    const Image resized = Resize(image, size, size);
    ASSERT_EQ(resized.pixels.size(), expected->bytes.size());
    for (size_t i = 0; i < resized.pixels.size(); ++i) {
      ASSERT_LE(std::abs(resized.pixels[i] - expected->bytes[i]), 1) << golden << " byte " << i;
    }
    std::vector<float> planes(resized.pixels.size());
    const std::vector<float> half(static_cast<size_t>(channels), 0.5F);
    Normalise(resized.pixels, half, half, absl::MakeSpan(planes));
    const std::vector<float> normalized = FloatsOf(**file, "normalized");
    ASSERT_EQ(normalized.size(), planes.size()) << golden;
    for (size_t i = 0; i < planes.size(); ++i)
      ASSERT_NEAR(planes[i], normalized[i], 1.0 / 127 + 1e-6);
  }
}

TEST(NormaliseTest, EveryTableGivesTheOriginalsValues) {
  const auto file = SafetensorsFile::Open(GoldenPath("image_normalise/io.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  const SafetensorsFile::Entry* input = (*file)->Find("input");
  ASSERT_NE(input, nullptr);
  const nlohmann::ordered_json tables = GoldenJson("image_normalise/case.json");
  ASSERT_FALSE(tables.empty());
  for (const auto& [name, table] : tables.items()) {
    ExpectKnownKeys(table, {"mean", "std"});
    const auto mean = table.at("mean").get<std::vector<float>>();
    const auto deviation = table.at("std").get<std::vector<float>>();
    ASSERT_EQ(static_cast<int64_t>(mean.size()), input->shape.back()) << name;
    ASSERT_EQ(deviation.size(), mean.size()) << name;
    std::vector<float> planes(input->bytes.size());
    Normalise(input->bytes, mean, deviation, absl::MakeSpan(planes));
    ExpectNear(name, planes, FloatsOf(**file, name), 1e-6);
  }
}

}  // namespace
}  // namespace tributary
