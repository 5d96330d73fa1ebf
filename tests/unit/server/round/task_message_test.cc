#include "server/round/task_message.h"

#include <gtest/gtest.h>

#include "server/method/creamfl/settings.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

TEST(TaskMessageTest, TellsWhatTheRunFileSays) {
  RunConfig config = TinyConfig();
  config.seed = 5;
  config.local.epochs = 3;
  config.local.batch = 7;
  config.wire.upload = Codec::kInt4Block;
  const v1::Task task = MakeTask(TinyContext(config), 4, 1, absl::Milliseconds(1500), 2);
  EXPECT_EQ(task.round(), 4u);
  EXPECT_EQ(task.attempt(), 1u);
  EXPECT_EQ(task.deadline_ms(), 1500u);
  EXPECT_EQ(task.merged_round(), 2u);
  EXPECT_EQ(task.seed(), 5u);
  EXPECT_EQ(task.upload_codec(), v1::CODEC_INT4_BLOCK);
  EXPECT_EQ(task.training().epochs(), 3u);
  EXPECT_EQ(task.training().batch(), 7u);
  EXPECT_FALSE(task.training().has_contrast());
}

TEST(TaskMessageTest, ADeadlineThatIsOverLeavesNothing) {
  EXPECT_EQ(MakeTask(TinyContext(), 1, 0, -absl::Seconds(3), 0).deadline_ms(), 0u);
}

TEST(TaskMessageTest, TheRateFallsFromRoundToRound) {
  RunConfig config = TinyConfig();
  config.local.learning_rate = 0.1;
  config.local.learning_rate_decay = 0.5;
  config.local.warmup_rounds = 0;
  const RunContext context = TinyContext(config);
  const auto rate = [&](int round) {
    return MakeTask(context, round, 0, absl::Seconds(1), 0).training().learning_rate();
  };
  EXPECT_DOUBLE_EQ(rate(1), 0.1);
  EXPECT_DOUBLE_EQ(rate(2), 0.05);
}

TEST(TaskMessageTest, CreamFlAsksForItsPassOverThePublicSet) {
  RunConfig config = TinyConfig();
  config.method = &CreamFlCard();
  MethodSettings<CreamFlSettings>(config).contrast.batch = 9;
  const v1::Task task = MakeTask(TinyContext(config), 1, 0, absl::Seconds(1), 0);
  ASSERT_TRUE(task.training().has_contrast());
  EXPECT_EQ(task.training().contrast().batch(), 9u);
}

}  // namespace
}  // namespace tributary
