#include "preparation/manifest.h"

#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class ManifestTest : public ::testing::Test {
 protected:
  static nlohmann::json Recipe(const PrepareOptions& options = {}) {
    return RecipeOf(options, **FindDatasetReader("csv"));
  }
  // Two texts and an image file of four bytes.
  SampleSet Set() const {
    std::ofstream(scratch_ / "1.png") << "four";
    SampleSet set;
    set.classes = {"a", "b"};
    set.trees = {FileTree::OfFolder(scratch_.path(), {"1.png"})};
    set.images = {{.tree = 0, .file = 0}};
    set.sources = {{"table.csv", 10, "abc"}};
    Sample sample;
    sample.text = "one";
    sample.label = 1;
    sample.owner = "x";
    set.train = {sample};
    sample.text = "two";
    set.test = {sample};
    return set;
  }

  const ScratchFolder scratch_;
};

TEST_F(ManifestTest, EveryOptionThatChangesTheShardsIsInTheRecipe) {
  const std::pair<const char*, std::function<void(PrepareOptions*)>> changes[] = {
      {"variant", [](PrepareOptions* o) { o->source.variant = "coarse"; }},
      {"name", [](PrepareOptions* o) { o->name = "mine"; }},
      {"root", [](PrepareOptions* o) { o->source.root = "/data"; }},
      {"train_ids", [](PrepareOptions* o) { o->source.train_ids = "a.npy"; }},
      {"test_ids", [](PrepareOptions* o) { o->source.test_ids = "a.npy"; }},
      {"columns", [](PrepareOptions* o) { o->source.columns["text"] = "caption"; }},
      {"test_share", [](PrepareOptions* o) { o->source.test_share = 0.5; }},
      {"encoding", [](PrepareOptions* o) { o->source.encoding = "latin1"; }},
      {"orientation", [](PrepareOptions* o) { o->decoding.upright = true; }},
      {"window", [](PrepareOptions* o) { o->decoding.window_of_each = true; }},
      {"clients", [](PrepareOptions* o) { o->clients = 77; }},
      {"partition", [](PrepareOptions* o) { o->partition = "dirichlet:0.5"; }},
      {"min_classes", [](PrepareOptions* o) { o->min_classes = 3; }},
      {"store", [](PrepareOptions* o) { o->storage = ImageStorage::kOriginal; }},
      {"image_size", [](PrepareOptions* o) { o->image_size = 77; }},
      {"most_samples", [](PrepareOptions* o) { o->most_samples = 77; }},
      {"most_train", [](PrepareOptions* o) { o->most_train = 77; }},
      {"most_test", [](PrepareOptions* o) { o->most_test = 77; }},
      {"keep_leaks", [](PrepareOptions* o) { o->keep_leaks = !o->keep_leaks; }},
      {"seed", [](PrepareOptions* o) { o->seed = 77; }}};
  const nlohmann::json before = Recipe();
  for (const auto& [key, change] : changes) {
    PrepareOptions options;
    change(&options);
    nlohmann::json after = Recipe(options);
    EXPECT_NE(after.at(key), before.at(key)) << key;
    after[key] = before.at(key);
    EXPECT_EQ(after, before) << key << " changes more than itself";
  }
}

TEST_F(ManifestTest, ThreadsAndTheFolderChangeNothing) {
  PrepareOptions options;
  options.threads = 7;
  options.out = "elsewhere";
  options.strict = true;
  EXPECT_EQ(Recipe(options), Recipe());
}

TEST_F(ManifestTest, TheFingerprintFollowsRecipeSamplesAndSources) {
  const std::string before = FingerprintOf(Recipe(), Set());
  EXPECT_EQ(before.size(), 64U);
  EXPECT_EQ(FingerprintOf(Recipe(), Set()), before);
  const std::function<void(SampleSet*)> changes[] = {
      [](SampleSet* set) { set->train[0].text = "One"; },
      [](SampleSet* set) { set->train[0].label = 0; },
      [](SampleSet* set) { set->train[0].owner = "y"; },
      [](SampleSet* set) { set->test[0].image = 0; },
      [](SampleSet* set) { set->test.clear(); },
      [](SampleSet* set) { set->classes[1] = "c"; },
      [](SampleSet* set) { set->sources[0].sha256 = "abd"; },
      [](SampleSet* set) { set->images[0].offset = 1; },
      [this](SampleSet*) { std::ofstream(scratch_ / "1.png") << "of another size"; }};
  size_t number = 0;
  for (const auto& change : changes) {
    SampleSet set = Set();
    change(&set);
    EXPECT_NE(FingerprintOf(Recipe(), set), before) << "change " << number;
    ++number;
  }
  PrepareOptions options;
  options.seed = 99;
  EXPECT_NE(FingerprintOf(Recipe(options), Set()), before);
}

TEST_F(ManifestTest, TextsThatRunTogetherAreToldApart) {
  SampleSet a = Set(), b = Set();
  a.train[0].text = "ab";
  a.train[0].owner = "c";
  b.train[0].text = "a";
  b.train[0].owner = "bc";
  EXPECT_NE(FingerprintOf(Recipe(), a), FingerprintOf(Recipe(), b));
}

TEST_F(ManifestTest, OnlyAWholeManifestIsRead) {
  EXPECT_TRUE(ReadManifest(scratch_.path()).is_null());
  const auto read = [&](const std::string& text) {
    std::ofstream(scratch_ / "manifest.json") << text;
    return ReadManifest(scratch_.path());
  };
  EXPECT_TRUE(read("{\"fingerprint\": \"abc\", \"rep").is_null());
  EXPECT_TRUE(read("[]").is_null());
  EXPECT_TRUE(read(R"({"fingerprint": "", "report": {}, "files": {}})").is_null());
  EXPECT_TRUE(read(R"({"fingerprint": "abc", "files": {}})").is_null());
  EXPECT_TRUE(read(R"({"fingerprint": "abc", "report": {}, "files": []})").is_null());
  EXPECT_EQ(read(R"({"fingerprint": "abc", "report": {}, "files": {}})")["fingerprint"], "abc");
}

TEST_F(ManifestTest, FilesAreThereIfEachShardHasItsDigest) {
  ShardWriter writer(scratch_ / "a.shard", {.dataset = "tiny",
                                            .modality = Modality::kText,
                                            .part = "train",
                                            .classes = {"k"},
                                            .mean = {},
                                            .deviation = {}});
  writer.AddRow(0, 0, "text");
  ASSERT_TRUE(writer.Finish().ok());
  const std::string digest = (*Shard::Open(scratch_ / "a.shard"))->digest();
  EXPECT_TRUE(FilesAreThere({{"files", {{"a.shard", digest}}}}, scratch_.path()));
  EXPECT_FALSE(FilesAreThere({{"files", {{"a.shard", "0123"}}}}, scratch_.path()));
  EXPECT_FALSE(
      FilesAreThere({{"files", {{"a.shard", digest}, {"b.shard", digest}}}}, scratch_.path()));
}

}  // namespace
}  // namespace tributary
