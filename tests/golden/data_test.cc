// Data: tokens, partitions, resizing and normalisation against the golden numbers. algorithm.md
// section 2.

#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

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
    const nlohmann::json golden = nlohmann::json::parse(line);
    const auto text = golden["text"].get<std::string>();
    EXPECT_EQ((*tokenizer)->Encode(text), golden["ids"].get<std::vector<int64_t>>()) << text;
    EXPECT_EQ((*tokenizer)->Encode(text, 40), golden["ids_40"].get<std::vector<int64_t>>()) << text;
  }
  EXPECT_GT(lines, 0);
}

// Gives the draws that the release made, in their order.
class ReplayedDraws : public PartitionDraws {
 public:
  explicit ReplayedDraws(const nlohmann::json& draws) : draws_(draws) {}
  void Shuffle(std::vector<int64_t>* items) override {
    const auto& next = Next();
    EXPECT_TRUE(next["kind"] == "shuffled" || next["kind"] == "permutation") << next["kind"];
    const auto shuffled = next["value"].get<std::vector<int64_t>>();
    EXPECT_EQ(shuffled.size(), items->size());
    *items = shuffled;
  }
  std::vector<double> Dirichlet(double, size_t parts) override {
    const auto& next = Next();
    EXPECT_EQ(next["kind"], "dirichlet");
    EXPECT_EQ(next["value"].size(), parts);
    return next["value"].get<std::vector<double>>();
  }
  double Uniform(double, double) override {
    const auto& values = draws_[next_]["value"];
    EXPECT_EQ(draws_[next_]["kind"], "uniform");
    return values[uniform_++].get<double>();
  }

 private:
  const nlohmann::json& Next() {
    EXPECT_LT(next_, draws_.size());
    return draws_[next_++];
  }
  const nlohmann::json& draws_;
  size_t next_ = 0, uniform_ = 0;
};

TEST(PartitionTest, TheReleasesSplitsFollowFromItsDraws) {
  const nlohmann::json cases = GoldenJson("partition/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    ReplayedDraws draws(golden["draws"]);
    const int clients = golden["clients"].get<int>();
    Partition partition;
    if (golden["kind"] == "class") {
      const auto labels = golden["labels"].get<std::vector<int32_t>>();
      const auto made = PartitionDirichlet(labels, golden["classes"].get<int>(), clients,
                                           golden["alpha"].get<double>(), &draws);
      ASSERT_TRUE(made.ok()) << made.status();
      partition = *made;
    } else {
      ASSERT_EQ(golden["kind"], "pair");
      partition = PartitionPairs(golden["samples"].get<int64_t>() / 5, 5, clients, &draws);
    }
    for (int client = 0; client < clients; ++client) {
      EXPECT_EQ(partition[static_cast<size_t>(client)],
                golden["result"][std::to_string(client)].get<std::vector<int64_t>>());
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
  for (const auto& golden : GoldenJson("image_resize/cases.json")) {
    const auto file =
        SafetensorsFile::Open(GoldenPath("image_resize/" + golden["file"].get<std::string>()));
    ASSERT_TRUE(file.ok()) << file.status();
    const SafetensorsFile::Entry* input = (*file)->Find("input");
    const SafetensorsFile::Entry* expected = (*file)->Find("resized");
    Image image{golden["height"], golden["width"], 3, {input->bytes.begin(), input->bytes.end()}};
    const int64_t size = golden["size"];
    const Image resized = Resize(image, size, size);
    ASSERT_EQ(resized.pixels.size(), expected->bytes.size());
    for (size_t i = 0; i < resized.pixels.size(); ++i) {
      ASSERT_LE(std::abs(resized.pixels[i] - expected->bytes[i]), 1) << golden << " byte " << i;
    }
    std::vector<float> planes(resized.pixels.size());
    const std::vector<float> half = {0.5F, 0.5F, 0.5F};
    Normalise(resized.pixels, half, half, absl::MakeSpan(planes));
    const std::vector<float> normalized = FloatsOf(**file, "normalized");
    for (size_t i = 0; i < planes.size(); ++i)
      ASSERT_NEAR(planes[i], normalized[i], 1.0 / 127 + 1e-6);
  }
}

TEST(NormaliseTest, EveryTableGivesTheOriginalsValues) {
  const auto file = SafetensorsFile::Open(GoldenPath("image_normalise/io.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  const SafetensorsFile::Entry* input = (*file)->Find("input");
  ASSERT_NE(input, nullptr);
  const nlohmann::json tables = GoldenJson("image_normalise/case.json");
  for (const auto& [name, table] : tables.items()) {
    std::vector<float> planes(input->bytes.size());
    Normalise(input->bytes, table["mean"].get<std::vector<float>>(),
              table["std"].get<std::vector<float>>(), absl::MakeSpan(planes));
    ExpectNear(name, planes, FloatsOf(**file, name), 1e-6);
  }
}

}  // namespace
}  // namespace tributary
