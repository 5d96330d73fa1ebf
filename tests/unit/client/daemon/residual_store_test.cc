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
  // What an update starts from when that of `merged_round` was the last to be merged, beside a
  // delta of 100.
  float Added(const std::string& run, uint32_t merged_round) {
    StateDict delta = State(100);
    store_.AddTo(run, merged_round, &delta);
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

TEST_F(ResidualStoreTest, AddsWhatTheMergedRoundLost) {
  EXPECT_EQ(Added("run", 0), 0);
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  EXPECT_EQ(Added("run", 0), 0) << "round 1 was not merged";
  EXPECT_EQ(Added("run", 1), 1);
  ASSERT_TRUE(store_.Save("run", 9, 1, State(9)).ok());
  EXPECT_EQ(Added("run", 1), 1) << "round 9 was not merged, or is trained again";
  EXPECT_EQ(Added("run", 9), 9);
  EXPECT_EQ(Added("another", 9), 0);
  EXPECT_THAT(said_.str(), IsEmpty());
}

TEST_F(ResidualStoreTest, KeepsTheMergedAndTheLastRoundOfEachRun) {
  ASSERT_TRUE(store_.Save("old", 7, 0, State(7)).ok());
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  for (uint32_t round = 2; round <= 4; ++round) {
    ASSERT_TRUE(store_.Save("run", round, 1, State(static_cast<float>(round))).ok());
  }
  EXPECT_EQ(Files(), 3) << "a client may go back to another run";
  EXPECT_EQ(Added("run", 1), 1);
  EXPECT_EQ(Added("run", 4), 4);
  EXPECT_EQ(Added("old", 7), 7);
  store_.DropAll();
  EXPECT_EQ(Added("run", 4), 0);
}

TEST_F(ResidualStoreTest, ADamagedFileIsDeletedWithAWarning) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  ASSERT_EQ(Files(), 1);
  ASSERT_TRUE(WriteFileAtomically(only_, "rubbish").ok());
  EXPECT_EQ(Added("run", 1), 0);
  EXPECT_THAT(said_.str(), HasSubstr("round 1"));
  EXPECT_EQ(Files(), 0);
}

TEST_F(ResidualStoreTest, OneOfAnotherModelIsDeletedAndAddsNothing) {
  StateDict other = State(1);
  ASSERT_TRUE(other.Add("v", {{1}, {1}}).ok());
  ASSERT_TRUE(store_.Save("run", 1, 0, other).ok());
  EXPECT_EQ(Added("run", 1), 0) << "not even to the tensor that fits";
  EXPECT_THAT(said_.str(), HasSubstr("tensor v"));
  EXPECT_EQ(Files(), 0);
}

TEST_F(ResidualStoreTest, EveryTensorGetsItsOwn) {
  StateDict residual = State(1), delta = State(100);
  ASSERT_TRUE(residual.Add("v", {{1}, {5}}).ok());
  ASSERT_TRUE(delta.Add("plain", {{1}, {7}}).ok());
  ASSERT_TRUE(delta.Add("v", {{1}, {50}}).ok());
  ASSERT_TRUE(store_.Save("run", 1, 0, residual).ok());
  store_.AddTo("run", 1, &delta);
  EXPECT_EQ(delta.Find("w")->values, (std::vector<float>{101, -101}));
  EXPECT_EQ(delta.Find("v")->values, (std::vector<float>{55}));
  EXPECT_EQ(delta.Find("plain")->values, (std::vector<float>{7})) << "it lost nothing";
}

TEST_F(ResidualStoreTest, AnotherShapeOfTheSameSizeIsAnotherModel) {
  StateDict turned;
  ASSERT_TRUE(turned.Add("w", {{1, 2}, {1, 1}}).ok());
  ASSERT_TRUE(store_.Save("run", 1, 0, turned).ok());
  EXPECT_EQ(Added("run", 1), 0);
  EXPECT_THAT(said_.str(), HasSubstr("tensor w"));
}

TEST_F(ResidualStoreTest, ARoundThatIsTrainedAgainReplacesWhatItLost) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 1, State(2)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 1, State(3)).ok());
  EXPECT_EQ(Added("run", 2), 3);
  EXPECT_EQ(Added("run", 1), 1);
}

TEST_F(ResidualStoreTest, AnUpdateThatLostNothingIsKeptAsThat) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 0, StateDict()).ok());
  EXPECT_EQ(Added("run", 2), 0);
  EXPECT_THAT(said_.str(), IsEmpty());
  EXPECT_EQ(Added("run", 1), 0) << "round 1 was not merged";
}

TEST_F(ResidualStoreTest, AFolderThatCannotBeMadeIsAnError) {
  ASSERT_TRUE(WriteFileAtomically(folder_, "in the way").ok());
  EXPECT_FALSE(store_.Save("run", 1, 0, State(1)).ok());
  EXPECT_EQ(Added("run", 1), 0);
}

TEST_F(ResidualStoreTest, DroppingNothingDoesNothing) {
  store_.DropAll();
  store_.DropAll();
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  EXPECT_EQ(Added("run", 1), 1) << "it may be used again";
}

}  // namespace
}  // namespace tributary
