#include "preparation/prepare.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/data/shard.h"
#include "preparation/report.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/datasets/icon_source.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class PrepareTest : public testing::Test {
 protected:
  void SetUp() override { WriteThemes(scratch_ / "source", 5); }

  PrepareOptions Options(const std::string& out) {
    PrepareOptions options;
    options.dataset = "icon-names";
    options.source.root = scratch_ / "source";
    options.out = scratch_ / out;
    options.clients = 2;
    options.partition = "natural";
    options.image_size = 16;
    options.threads = 2;
    return options;
  }
  static absl::StatusOr<nlohmann::json> Run(const PrepareOptions& options) {
    return Prepare(options, [](const PrepareProgress&) {});
  }
  std::string Refused(const PrepareOptions& options) {
    const auto report = Run(options);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument) << report.status();
    return std::string(report.status().message());
  }

  const ScratchFolder scratch_;
};

TEST_F(PrepareTest, EachClientGetsTheIconsOfItsOwnThemes) {
  const auto report = Run(Options("out"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->at("fresh").get<bool>());
  EXPECT_EQ(report->at("samples"), 8 * 5 - 5);
  EXPECT_EQ(report->at("test_samples"), 5);
  const auto first = Shard::Open(scratch_ / "out/client-00/train.shard");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE((*first)->Verify().ok());
  EXPECT_EQ((*first)->info().image_size, 16);
  EXPECT_THAT(PrepareTable(*report), HasSubstr("icon-names"));
  EXPECT_THAT(*ReadFile(scratch_ / "out/clients.svg"), HasSubstr("client-01"));
}

TEST_F(PrepareTest, TheSameRecipeGivesTheSameBytes) {
  PrepareOptions other = Options("b");
  other.threads = 1;
  ASSERT_TRUE(Run(Options("a")).ok());
  ASSERT_TRUE(Run(other).ok());
  for (const char* file : {"client-00/train.shard", "client-01/train.shard", "test/test.shard"}) {
    EXPECT_EQ(*ReadFile(scratch_ / (std::string("a/") + file)),
              *ReadFile(scratch_ / (std::string("b/") + file)))
        << file;
  }
}

TEST_F(PrepareTest, WhatIsThereIsKeptAndWhatIsDamagedIsMadeAgain) {
  ASSERT_TRUE(Run(Options("out")).ok());
  EXPECT_FALSE(Run(Options("out"))->at("fresh").get<bool>());
  std::filesystem::resize_file(scratch_ / "out/test/test.shard", 100);
  EXPECT_TRUE(Run(Options("out"))->at("fresh").get<bool>());
  EXPECT_TRUE(Shard::Open(scratch_ / "out/test/test.shard").ok());
}

TEST_F(PrepareTest, AnImageThatCannotBeReadIsListedAndTheRestGoesOn) {
  const std::string broken = scratch_ / "source/usr/share/icons/mate/32x32/apps/broken.png";
  std::ofstream(broken) << "not an image";
  const auto report = Run(Options("out"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(*ReadFile(scratch_ / "out/skipped.jsonl"), HasSubstr("broken.png"));
  EXPECT_EQ(report->at("samples"), 8 * 5 - 5);
}

TEST_F(PrepareTest, StrictRefusesWhatWouldBeLeftOut) {
  const std::string broken = scratch_ / "source/usr/share/icons/mate/32x32/apps/broken.png";
  std::ofstream(broken) << "not an image";
  PrepareOptions options = Options("out");
  options.strict = true;
  const auto report = Run(options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("broken.png"));
}

TEST_F(PrepareTest, AChangedSourceIsPreparedAgain) {
  ASSERT_TRUE(Run(Options("out")).ok());
  WriteIcon(scratch_ / "source/usr/share/icons/mate/32x32/apps/thing-more.png", 7, 7);
  const auto report = Run(Options("out"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->at("fresh").get<bool>());
  EXPECT_EQ(report->at("samples"), 8 * 5 - 5 + 1);
}

TEST_F(PrepareTest, ShardsOfClientsThatAreNoMoreAreRemoved) {
  PrepareOptions options = Options("out");
  ASSERT_TRUE(Run(options).ok());
  options.clients = 1;
  ASSERT_TRUE(Run(options).ok());
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "out/client-00/train.shard"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out/client-01"));
}

TEST_F(PrepareTest, AnInterruptedPreparationGoesOnAndEndsInTheSameBytes) {
  ASSERT_TRUE(Run(Options("whole")).ok());
  const PrepareOptions options = Options("cut");
  const auto prepare_and_die = [&] {
    (void)Prepare(options, [](const PrepareProgress& progress) {
      if (progress.done == 20) std::_Exit(3);
    });
  };
  EXPECT_EXIT(prepare_and_die(), testing::ExitedWithCode(3), "");
  PrepareProgress last;
  ASSERT_TRUE(Prepare(options, [&](const PrepareProgress& progress) { last = progress; }).ok());
  EXPECT_EQ(last.done, last.total);
  EXPECT_GE(last.resumed, 5);  // the test's shard was finished
  for (const char* file : {"client-00/train.shard", "client-01/train.shard", "test/test.shard"}) {
    EXPECT_EQ(*ReadFile(scratch_ / (std::string("whole/") + file)),
              *ReadFile(scratch_ / (std::string("cut/") + file)))
        << file;
    EXPECT_FALSE(std::filesystem::exists(scratch_ / (std::string("cut/") + file + ".journal")));
  }
}

TEST_F(PrepareTest, OptionsThatFitNothingAreRefused) {
  PrepareOptions options = Options("out");
  options.dataset = "icon-nams";
  EXPECT_THAT(Refused(options), HasSubstr("known are"));
  options = Options("out");
  options.partition = "dirichlet:0";
  EXPECT_THAT(Refused(options), HasSubstr("ALPHA above 0"));
  options.partition = "dirichlet:0.5";
  EXPECT_THAT(Refused(options), HasSubstr("pairs have none"));
  options = Options("out");
  options.source.variant = "coarse";
  EXPECT_THAT(Refused(options), HasSubstr("no variant \"coarse\""));
  options = Options("out");
  options.source.train_ids = "ids.npy";
  EXPECT_THAT(Refused(options), HasSubstr("takes no ids"));
  options = Options("out");
  options.partition = "column:artist";
  EXPECT_THAT(Refused(options), HasSubstr("no columns"));
  options = Options("out");
  options.clients = 9;
  EXPECT_THAT(Refused(options), HasSubstr("8 owners"));
  options.clients = 0;
  Refused(options);
  options = Options("out");
  options.source.root = scratch_ / "none";
  EXPECT_EQ(Run(options).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PrepareTest, AClientThatWouldHoldNothingIsRefusedBeforeAnythingIsWritten) {
  PrepareOptions options = Options("out");
  options.partition = "iid";
  options.clients = 100;
  EXPECT_THAT(Refused(options), HasSubstr("would hold no training sample"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out/test"));
}

}  // namespace
}  // namespace tributary
