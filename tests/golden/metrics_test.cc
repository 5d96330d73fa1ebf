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

// The gallery of `file`, which is as large as `golden` says.
Gallery LoadGallery(const std::string& file, const nlohmann::ordered_json& golden) {
  ExpectKnownKeys(golden, {"images", "captions_per_image", "folds", "images_per_fold", "full",
                           "n_fold", "r1_sum_full"});
  const int64_t images = golden.at("images"), captions = golden.at("captions_per_image");
  Gallery gallery;
  gallery.images = GoldenValues<float>(file, "image_embedding");
  gallery.texts = GoldenValues<float>(file, "text_embedding");
  gallery.image_of_text = GoldenValues<int64_t>(file, "image_of_text");
  gallery.dim = static_cast<int64_t>(gallery.images.size()) / images;
  EXPECT_EQ(gallery.image_count(), images);
  EXPECT_EQ(gallery.text_count(), images * captions);
  EXPECT_EQ(gallery.texts.size(), static_cast<size_t>(images * captions * gallery.dim));
  return gallery;
}

void ExpectRecall(const RecallMetrics& ours, const nlohmann::ordered_json& golden) {
  ExpectKnownKeys(golden, {"recall_1", "recall_5", "recall_10", "rsum", "medr", "meanr"});
  EXPECT_NEAR(ours.r1, golden.at("recall_1"), 1e-9);
  EXPECT_NEAR(ours.r5, golden.at("recall_5"), 1e-9);
  EXPECT_NEAR(ours.r10, golden.at("recall_10"), 1e-9);
  EXPECT_NEAR(ours.Sum(), golden.at("rsum"), 1e-9);
  EXPECT_NEAR(ours.median, golden.at("medr"), 1e-9);
  EXPECT_NEAR(ours.mean, golden.at("meanr"), 1e-9);
}

void ExpectMetrics(const RetrievalMetrics& ours, const nlohmann::ordered_json& golden) {
  ExpectKnownKeys(golden, {"i2t", "t2i"});
  ExpectRecall(ours.i2t, golden.at("i2t"));
  ExpectRecall(ours.t2i, golden.at("t2i"));
}

// Over the whole gallery and over folds, whose number and size are apart.
void ExpectFullAndFolds(const Gallery& gallery, const nlohmann::ordered_json& golden) {
  const RetrievalMetrics full = EvaluateRetrieval(gallery);
  ExpectMetrics(full, golden.at("full"));
  if (golden.contains("r1_sum_full")) {
    EXPECT_NEAR(full.i2t.r1 + full.t2i.r1, golden.at("r1_sum_full"), 1e-9);
  }
  const int64_t folds = golden.at("folds"), size = golden.at("images_per_fold");
  ASSERT_LE(folds * size, gallery.image_count());
  ExpectMetrics(EvaluateRetrievalFolds(gallery, folds, size), golden.at("n_fold"));
}

TEST(GoldenRetrievalMetrics, FullGalleryAndFolds) {
  const nlohmann::ordered_json golden = GoldenJson("retrieval_metrics/case.json");
  ExpectFullAndFolds(LoadGallery("retrieval_metrics/io.safetensors", golden), golden);
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
  const nlohmann::ordered_json golden = GoldenJson("retrieval_shuffled/case.json");
  const std::string file = "retrieval_shuffled/io.safetensors";
  ExpectFullAndFolds(Reordered(LoadGallery(file, golden), GoldenValues<int64_t>(file, "order")),
                     golden);
}

TEST(GoldenSchedule, LearningRateOfEachRound) {
  const nlohmann::ordered_json golden = GoldenJson("schedule/case.json");
  // The optimizer's constants are golden_complementary_step's.
  ExpectKnownKeys(golden, {"lr0", "decay", "every", "lr_of_round", "optimizer", "weight_decay",
                           "betas", "eps", "optimizer_state"});
  LocalTraining settings;
  settings.learning_rate = golden.at("lr0");
  settings.learning_rate_decay = golden.at("decay");
  settings.learning_rate_decay_every = golden.at("every");
  int round = 0;
  for (const nlohmann::ordered_json& rate : golden.at("lr_of_round")) {
    ++round;
    EXPECT_DOUBLE_EQ(LearningRate(settings, round), rate.get<double>()) << "round " << round;
  }
  EXPECT_GT(round, 1);
}

}  // namespace
}  // namespace tributary
