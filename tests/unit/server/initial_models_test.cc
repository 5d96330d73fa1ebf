#include "server/initial_models.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/initial_state.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/common/model/tiny_vit.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class InitialModelsTest : public testing::Test {
 protected:
  InitialModelsTest() {
    config_.datasets.push_back({"both", Modality::kPair, 1, "data/both"});
    const StateDict weights = TimmVit(config_.model.spec, 3);
    EXPECT_TRUE(WriteSafetensors(image_, weights).ok());
  }
  absl::StatusOr<InitialModels> Make() const {
    const auto context =
        MakeRunContext(config_, {{"pictures", 3}, {"words", 5}, {"both", 0}}, 20, "v");
    if (!context.ok()) return context.status();
    return MakeInitialModels(*context);
  }

  const ScratchFolder scratch_;
  const std::string image_ = scratch_ / "vit.safetensors";
  RunConfig config_ = TinyConfig();
};

TEST_F(InitialModelsTest, GlobalsAreDrawnFromTheSeedForEachDataset) {
  const auto models = Make();
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->globals.size(), 3u);
  EXPECT_THAT(models->notes, IsEmpty()) << "nothing was done to them";
  EXPECT_EQ(ModelHash(models->globals), ModelHash(Make()->globals));
  config_.seed = 2;
  EXPECT_NE(ModelHash(models->globals), ModelHash(Make()->globals));
}

TEST_F(InitialModelsTest, GlobalsHaveThePlainTensorsOfTheirManifest) {
  config_.local.complementary = ComplementaryLayers::kAll;
  const RunContext context =
      *MakeRunContext(config_, {{"pictures", 3}, {"words", 5}, {"both", 0}}, 20, "v");
  const auto models = MakeInitialModels(context);
  ASSERT_TRUE(models.ok()) << models.status();
  for (const auto& [name, dataset] : context.datasets) {
    EXPECT_EQ(Manifest::Of(models->globals.at(name)), dataset.plain) << name;
  }
}

TEST_F(InitialModelsTest, ImageWeightsGoIntoEveryGlobalAndAreNoted) {
  config_.init.image = image_;
  const auto models = Make();
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->notes.size(), 3u);
  for (const InitialNote& note : models->notes) {
    EXPECT_THAT(note.message, StartsWith("global model " + note.dataset));
    EXPECT_THAT(note.message, HasSubstr("init.image"));
  }
  const StateDict& pictures = models->globals.at("pictures");
  EXPECT_EQ(pictures.Find("norm.weight")->values[0], 3);
  const auto note = std::find_if(models->notes.begin(), models->notes.end(),
                                 [](const auto& one) { return one.dataset == "pictures"; });
  EXPECT_THAT(note->taken, Contains("norm.weight"));
  EXPECT_THAT(note->message, HasSubstr("eps")) << "how the file's model differs is told";
  EXPECT_THAT(note->random, Not(Contains("norm.weight")));
  EXPECT_EQ(note->taken.size() + note->random.size(), pictures.size())
      << "each tensor is one or the other";
  EXPECT_THAT(note->message, HasSubstr(std::to_string(note->random.size()) + " tensors as drawn"));
}

TEST_F(InitialModelsTest, WhatIsNotTakenIsAsWithoutTheFile) {
  const auto drawn = Make();
  config_.init.image = image_;
  const auto models = Make();
  ASSERT_TRUE(models.ok()) << models.status();
  for (const InitialNote& note : models->notes) {
    for (const std::string& name : note.random) {
      EXPECT_EQ(models->globals.at(note.dataset).Find(name)->values,
                drawn->globals.at(note.dataset).Find(name)->values)
          << note.dataset << " " << name;
    }
  }
}

TEST_F(InitialModelsTest, AnErrorNamesItsKey) {
  config_.init.image = scratch_ / "none.safetensors";
  EXPECT_THAT(std::string(Make().status().message()), StartsWith("init.image: "));
  config_.init.image = image_;
  ASSERT_TRUE(WriteFileAtomically(image_, "no weights").ok());
  const absl::Status damaged = Make().status();
  EXPECT_FALSE(damaged.ok());
  EXPECT_THAT(std::string(damaged.message()), StartsWith("init.image: "));
}

TEST_F(InitialModelsTest, ATextFileMattersOnlyWhereThereAreTexts) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "bert.safetensors", "no weights").ok());
  config_.init.text = scratch_ / "bert.safetensors";
  const absl::Status damaged = Make().status();
  EXPECT_FALSE(damaged.ok());
  EXPECT_THAT(std::string(damaged.message()), StartsWith("init.text: "));
  config_.datasets = {{"pictures", Modality::kImage, 2, "data/pictures"}};
  const auto context = MakeRunContext(config_, {{"pictures", 3}}, 20, "v");
  ASSERT_TRUE(context.ok()) << context.status();
  const auto models = MakeInitialModels(*context);
  EXPECT_TRUE(models.ok()) << models.status();
}

}  // namespace
}  // namespace tributary
