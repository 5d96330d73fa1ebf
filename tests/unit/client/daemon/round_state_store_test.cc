#include "client/daemon/round_state_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

StateDict State(float value) {
  StateDict state;
  EXPECT_TRUE(state.Add("w", {{2}, {value, -value}}).ok());
  return state;
}

class RoundStateStoreTest : public testing::Test {
 protected:
  float Loaded(const std::string& run, uint32_t round) const {
    const auto state = store_.Load(run, round);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? state->Find("w")->values[0] : 0;
  }

  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "states";
  RoundStateStore store_{folder_};
};

TEST_F(RoundStateStoreTest, TheLastTrainedAndTheLastMergedRoundAreKept) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 1, State(2)).ok());
  ASSERT_TRUE(store_.Save("run", 3, 1, State(3)).ok());
  EXPECT_EQ(Loaded("run", 1), 1) << "round 2 was not merged: round 3 began from 1";
  EXPECT_EQ(Loaded("run", 3), 3);
  EXPECT_TRUE(absl::IsNotFound(store_.Load("run", 2).status()));
}

TEST_F(RoundStateStoreTest, ARoundThatIsTrainedAgainReplacesItsState) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 1, State(2)).ok());
  ASSERT_TRUE(store_.Save("run", 2, 1, State(20)).ok());
  EXPECT_EQ(Loaded("run", 1), 1);
  EXPECT_EQ(Loaded("run", 2), 20);
}

TEST_F(RoundStateStoreTest, StatesOfAnotherRunAreNotTaken) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  EXPECT_TRUE(absl::IsNotFound(store_.Load("another", 1).status()));
  ASSERT_TRUE(store_.Save("another", 4, 0, State(4)).ok());
  EXPECT_TRUE(store_.Load("run", 1).ok()) << "it is kept beside the other run's";
  EXPECT_TRUE(absl::IsNotFound(store_.Load("run", 4).status()));
}

TEST_F(RoundStateStoreTest, ADamagedFileIsAnErrorUntilItIsDropped) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ASSERT_TRUE(WriteFileAtomically(entry.path().string(), "rubbish").ok());
  }
  EXPECT_EQ(store_.Load("run", 1).status().code(), absl::StatusCode::kDataLoss);
  store_.Drop("run", 1);
  EXPECT_TRUE(absl::IsNotFound(store_.Load("run", 1).status()));
}

TEST_F(RoundStateStoreTest, NothingIsLeftWhenAllIsDropped) {
  ASSERT_TRUE(store_.Save("run", 1, 0, State(1)).ok());
  store_.DropAll();
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

}  // namespace
}  // namespace tributary
