#include "client/daemon/residual_store.h"

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

StateDict State(float value, const std::string& name = "w") {
  StateDict state;
  EXPECT_TRUE(state.Add(name, {{2}, {value, -value}}).ok());
  return state;
}

class ResidualStoreTest : public testing::Test {
 protected:
  // What `round` starts from, beside a delta of 100.
  float Added(const std::string& run, uint32_t round) {
    StateDict delta = State(100);
    store_.AddTo(run, round, &delta);
    return delta[0].tensor.values[0] - 100;
  }
  int Files() const {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      only_ = entry.path().string();
      ++files;
    }
    return files;
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "residuals";
  std::ostringstream said_;
  ResidualStore store_{folder_,
                       std::make_shared<spdlog::logger>(
                           "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_))};
  mutable std::string only_;  // the last file that Files() saw
};

TEST_F(ResidualStoreTest, AddsWhatTheLatestRoundBeforeLost) {
  EXPECT_EQ(Added("run", 1), 0);
  ASSERT_TRUE(store_.Save("run", 1, State(1)).ok());
  EXPECT_EQ(Added("run", 1), 0) << "a round is trained again from what it started from";
  EXPECT_EQ(Added("run", 2), 1);
  EXPECT_EQ(Added("run", 9), 1) << "rounds without this client in between";
  ASSERT_TRUE(store_.Save("run", 9, State(9)).ok());
  EXPECT_EQ(Added("run", 9), 1);
  EXPECT_EQ(Added("run", 10), 9);
  EXPECT_EQ(Added("another", 10), 0);
  EXPECT_THAT(said_.str(), IsEmpty());
}

TEST_F(ResidualStoreTest, KeepsTheTwoLatestRoundsOfOneRun) {
  ASSERT_TRUE(store_.Save("old", 7, State(7)).ok());
  for (uint32_t round = 1; round <= 4; ++round) {
    ASSERT_TRUE(store_.Save("run", round, State(static_cast<float>(round))).ok());
  }
  EXPECT_EQ(Files(), 2);
  EXPECT_EQ(Added("run", 4), 3);
  EXPECT_EQ(Added("run", 5), 4);
  EXPECT_EQ(Added("old", 8), 0);
}

TEST_F(ResidualStoreTest, ForgetsWhatIsDropped) {
  ASSERT_TRUE(store_.Save("run", 1, State(1)).ok());
  ASSERT_TRUE(store_.Save("run", 2, State(2)).ok());
  store_.Drop("run", 2);
  EXPECT_EQ(Added("run", 3), 1) << "as if round 2 had not been";
  store_.DropAll();
  EXPECT_EQ(Added("run", 3), 0);
}

TEST_F(ResidualStoreTest, ADamagedFileIsDeletedWithAWarning) {
  ASSERT_TRUE(store_.Save("run", 1, State(1)).ok());
  ASSERT_EQ(Files(), 1);
  ASSERT_TRUE(WriteFileAtomically(only_, "rubbish").ok());
  EXPECT_EQ(Added("run", 2), 0);
  EXPECT_THAT(said_.str(), HasSubstr("round 1"));
  EXPECT_EQ(Files(), 0);
}

TEST_F(ResidualStoreTest, OneOfAnotherModelIsDeletedAndAddsNothing) {
  StateDict other = State(1);
  ASSERT_TRUE(other.Add("v", {{1}, {1}}).ok());
  ASSERT_TRUE(store_.Save("run", 1, other).ok());
  EXPECT_EQ(Added("run", 2), 0) << "not even to the tensor that fits";
  EXPECT_THAT(said_.str(), HasSubstr("tensor v"));
  EXPECT_EQ(Files(), 0);
}

}  // namespace
}  // namespace tributary
