#include "server/round/round_payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/aggregation/upload.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

TEST(RoundPayloadTest, DownloadsAreTheGlobalsAndThenTheAuxiliaryWeights) {
  RunContext context = TinyContext();
  ModelSet models{.globals = TinyGlobals(context), .auxiliary = {}};
  DatasetContext& words = context.datasets.at("words");
  words.download.tensors.push_back({"extra.weight", {2}});
  EXPECT_THAT(std::string(DownloadOf(words, models).status().message()),
              testing::HasSubstr("extra.weight"));
  ASSERT_TRUE(models.auxiliary["words"].Add("extra.weight", {.shape = {2}, .values = {1, 2}}).ok());
  const auto download = DownloadOf(words, models);
  ASSERT_TRUE(download.ok()) << download.status();
  ASSERT_EQ(download->size(), words.download.tensors.size());
  EXPECT_EQ(download->front().values.data(), models.globals.at("words")[0].tensor.values.data());
  EXPECT_EQ(download->back().values.data(),
            models.auxiliary.at("words").Find("extra.weight")->values.data());
}

// Sums tensors of one name.
class SummingHook : public MethodHook {
 public:
  std::optional<double> SummedWeight(const DatasetContext&,
                                     absl::string_view tensor) const override {
    return tensor == "control.a" ? std::optional<double>(0.5) : std::nullopt;
  }
};

TEST(RoundPayloadTest, WhatUploadsHoldBesidePlainParametersIsNotMerged) {
  RunContext context = TinyContext();
  DatasetContext& words = context.datasets.at("words");
  MethodHooks hooks;
  EXPECT_TRUE(TargetOf(words, hooks).representations.empty());
  words.upload.tensors.push_back({"control.a", {4}});
  words.upload.tensors.push_back({"public.text", {3, 2}});
  EXPECT_EQ(TargetOf(words, hooks).representations.size(), 2u) << "nobody sums anything";
  hooks.Append(std::make_unique<SummingHook>());
  const Target target = TargetOf(words, hooks);
  EXPECT_EQ(target.manifest.tensors.size(), words.plain.tensors.size());
  ASSERT_EQ(target.summed.size(), 1u);
  EXPECT_EQ(target.summed[0].spec.name, "control.a");
  EXPECT_EQ(target.summed[0].weight, 0.5);
  ASSERT_EQ(target.representations.size(), 1u);
  EXPECT_EQ(target.representations[0].name, "public.text");
}

TEST(RoundPayloadTest, UploadsOfACohortAddUp) {
  const RunContext context = TinyContext();
  const auto most = [&](const char* dataset) {
    const Manifest& upload = context.datasets.at(dataset).upload;
    return static_cast<int64_t>(
        MostUploadBytes(static_cast<uint64_t>(upload.ElementCount()), upload.tensors.size()));
  };
  EXPECT_EQ(LargestUpload(context), std::max(most("pictures"), most("words")));
  EXPECT_EQ(UploadsOf({}, context), 0);
  EXPECT_EQ(UploadsOf({{"a", "words", Modality::kText, 5},
                       {"b", "words", Modality::kText, 5},
                       {"c", "pictures", Modality::kImage, 5}},
                      context),
            2 * most("words") + most("pictures"));
}

}  // namespace
}  // namespace tributary
