#include "server/round/run_identity.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

class RunIdentityTest : public testing::Test {
 protected:
  // What a start with these settings on the folder says.
  absl::Status Start(const RunConfig& config) {
    RunContext context = TinyContext(config);
    const absl::Status status = IdentifyRun(store_.get(), &context).status();
    run_id_ = context.run_id;
    return status;
  }

  const ScratchFolder scratch_;
  std::unique_ptr<RunStore> store_ = *RunStore::Open(scratch_ / "state");
  std::string run_id_;
};

TEST_F(RunIdentityTest, AFolderKeepsItsRun) {
  ASSERT_TRUE(Start(TinyConfig()).ok());
  const std::string first = run_id_;
  EXPECT_NE(first, "run-1");
  ASSERT_TRUE(Start(TinyConfig()).ok());
  EXPECT_EQ(run_id_, first);
}

TEST_F(RunIdentityTest, AnotherSeedIsAnotherRun) {
  ASSERT_TRUE(Start(TinyConfig()).ok());
  RunConfig config = TinyConfig();
  config.seed += 1;
  const absl::Status status = Start(config);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("seed"));
}

TEST_F(RunIdentityTest, AnotherNumberOfExpectedClientsOrOfRoundsIsTheSameRun) {
  ASSERT_TRUE(Start(TinyConfig()).ok());
  const std::string first = run_id_;
  RunConfig config = TinyConfig();
  config.datasets[0].clients = 7;
  config.rounds = 50;
  EXPECT_TRUE(Start(config).ok());
  EXPECT_EQ(run_id_, first);
}

TEST_F(RunIdentityTest, UnderControlVariatesTheExpectedClientsCount) {
  RunConfig config = TinyConfig();
  config.local.control_variates = true;
  ASSERT_TRUE(Start(config).ok());
  config.datasets[0].clients = 7;
  const absl::Status status = Start(config);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("clients was 2 and is 7"));
}

}  // namespace
}  // namespace tributary
