// Retrieval metrics in order and in the release's shuffled order; the learning rate's schedule.
#include <algorithm>
#include <numeric>

#include "common/train/retrieval.h"
#include "common/train/schedule.h"
#include "tests/golden/golden_data.h"

namespace tributary {
namespace {

// Float32 or int64 values of a golden file.
template <typename T>
std::vector<T> GoldenValues(const std::string& file, const std::string& name) {
  const auto opened = SafetensorsFile::Open(GoldenPath(file));
  EXPECT_TRUE(opened.ok()) << opened.status();
  const SafetensorsFile::Entry* entry = opened.ok() ? (*opened)->Find(name) : nullptr;
  EXPECT_NE(entry, nullptr) << file << " lacks " << name;
  if (entry == nullptr) return {};
  EXPECT_EQ(entry->dtype, (std::is_same_v<T, float> ? "F32" : "I64"));
  std::vector<T> values(entry->bytes.size() / sizeof(T));
  std::copy(entry->bytes.begin(), entry->bytes.end(), reinterpret_cast<uint8_t*>(values.data()));
  return values;
}

Gallery LoadGallery(const std::string& file, int64_t images) {
  Gallery gallery;
  gallery.images = GoldenValues<float>(file, "image_embedding");
  gallery.texts = GoldenValues<float>(file, "text_embedding");
  gallery.image_of_text = GoldenValues<int64_t>(file, "image_of_text");
  gallery.dim = static_cast<int64_t>(gallery.images.size()) / images;
  return gallery;
}

void ExpectRecall(const RecallMetrics& ours, const nlohmann::json& golden) {
  EXPECT_NEAR(ours.r1, golden.at("recall_1"), 1e-9);
  EXPECT_NEAR(ours.r5, golden.at("recall_5"), 1e-9);
  EXPECT_NEAR(ours.r10, golden.at("recall_10"), 1e-9);
  EXPECT_NEAR(ours.Sum(), golden.at("rsum"), 1e-9);
  EXPECT_NEAR(ours.median, golden.at("medr"), 1e-9);
  EXPECT_NEAR(ours.mean, golden.at("meanr"), 1e-9);
}

void ExpectMetrics(const RetrievalMetrics& ours, const nlohmann::json& golden) {
  ExpectRecall(ours.i2t, golden.at("i2t"));
  ExpectRecall(ours.t2i, golden.at("t2i"));
}

TEST(GoldenRetrievalMetrics, FullGalleryAndFolds) {
  const nlohmann::json golden = GoldenJson("retrieval_metrics/case.json");
  const Gallery gallery = LoadGallery("retrieval_metrics/io.safetensors", golden.at("images"));
  const RetrievalMetrics full = EvaluateRetrieval(gallery);
  ExpectMetrics(full, golden.at("full"));
  EXPECT_NEAR(full.i2t.r1 + full.t2i.r1, golden.at("r1_sum_full"), 1e-9);
  ExpectMetrics(EvaluateRetrievalFolds(gallery, golden.at("folds")), golden.at("n_fold"));
}

// Images as first seen in `order`, captions grouped behind them.
Gallery Reordered(const Gallery& gallery, const std::vector<int64_t>& order) {
  const auto row = [&gallery](const std::vector<float>& rows, int64_t i) {
    return absl::MakeConstSpan(rows).subspan(static_cast<size_t>(i * gallery.dim),
                                             static_cast<size_t>(gallery.dim));
  };
  std::vector<int64_t> seen;
  for (const int64_t text : order) {
    const int64_t image = gallery.image_of_text[static_cast<size_t>(text)];
    if (std::find(seen.begin(), seen.end(), image) == seen.end()) seen.push_back(image);
  }
  Gallery result{.dim = gallery.dim, .images = {}, .texts = {}, .image_of_text = {}};
  for (size_t number = 0; number < seen.size(); ++number) {
    const auto pixels = row(gallery.images, seen[number]);
    result.images.insert(result.images.end(), pixels.begin(), pixels.end());
    for (const int64_t text : order) {
      if (gallery.image_of_text[static_cast<size_t>(text)] != seen[number]) continue;
      const auto words = row(gallery.texts, text);
      result.texts.insert(result.texts.end(), words.begin(), words.end());
      result.image_of_text.push_back(static_cast<int64_t>(number));
    }
  }
  return result;
}

TEST(GoldenRetrievalShuffled, FoldsDependOnTheOrderTheFullGalleryDoesNot) {
  const nlohmann::json golden = GoldenJson("retrieval_shuffled/case.json");
  const std::string file = "retrieval_shuffled/io.safetensors";
  const Gallery gallery =
      Reordered(LoadGallery(file, golden.at("images")), GoldenValues<int64_t>(file, "order"));
  ExpectMetrics(EvaluateRetrieval(gallery), golden.at("full"));
  ExpectMetrics(EvaluateRetrievalFolds(gallery, golden.at("folds")), golden.at("n_fold"));
}

TEST(GoldenSchedule, LearningRateOfEachRound) {
  const nlohmann::json golden = GoldenJson("schedule/case.json");
  LocalTraining settings;
  settings.learning_rate = golden.at("lr0");
  settings.learning_rate_decay = golden.at("decay");
  settings.learning_rate_decay_every = golden.at("every");
  int round = 0;
  for (const nlohmann::json& rate : golden.at("lr_of_round")) {
    ++round;
    EXPECT_DOUBLE_EQ(LearningRate(settings, round), rate.get<double>());
  }
  EXPECT_GT(round, 1);
}

}  // namespace
}  // namespace tributary
