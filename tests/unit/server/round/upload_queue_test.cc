#include "server/round/upload_queue.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/simulated_clock.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = UploadQueue::Kind;

constexpr uint64_t kUploadBytes = 1000;

class UploadQueueTest : public testing::Test {
 protected:
  std::shared_ptr<Upload> NewUpload(const std::string& client) {
    // Kept: an upload that goes gives its memory back.
    return uploads_.emplace_back(std::make_shared<Upload>(
        &manifest_, 1, kUploadBytes, std::make_unique<Spool>(scratch_ / client, &budget_)));
  }

  // Lets `client` wait; what is called at once is in called_.
  void Wait(const std::string& client, Kind kind = Kind::kPush) {
    Wait(client, kind, NewUpload(client));
  }
  void Wait(const std::string& client, Kind kind, std::shared_ptr<Upload> upload) {
    const std::string name = absl::StrCat(client, ++waits_[client]);
    Call(queue_.Wait(client, kind, std::move(upload), [this, name] { called_.push_back(name); }));
  }
  void Admit() {
    Call(queue_.Admit([this] {
      ++loads_;
      return load_;
    }));
  }
  void Call(const UploadQueue::Turns& turns) {
    for (const UploadQueue::Turn& turn : turns) turn();
  }
  void Advance(absl::Duration by) { clock_.Advance(by); }

  const Manifest manifest_{{{"w", {8}}}};
  const ScratchFolder scratch_;
  SpoolBudget budget_{static_cast<int64_t>(kUploadBytes)};  // one upload's
  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  std::vector<std::shared_ptr<Upload>> uploads_;
  UploadQueue queue_{&clock_};
  UploadQueue::Load load_{.bytes_to_come = kUploadBytes, .adding = 0};
  int loads_ = 0;
  std::map<std::string, int> waits_;
  std::vector<std::string> called_;
};

TEST_F(UploadQueueTest, TheFirstBeginsAsSoonAsItsMemoryIsThereAndTheOthersInTurn) {
  Wait("a");
  Wait("b");
  Wait("c");
  EXPECT_THAT(called_, IsEmpty());
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1"));
  EXPECT_EQ(queue_.size(), 2u);
  budget_.Give(static_cast<int64_t>(kUploadBytes));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "b1"));
  EXPECT_EQ(loads_, 0) << "nobody asked to be let in without memory";
}

TEST_F(UploadQueueTest, WhoHasItsMemoryDoesNotWaitAgain) {
  const std::shared_ptr<Upload> upload = NewUpload("a");
  ASSERT_TRUE(upload->Reserve());
  Wait("b");
  Wait("a", Kind::kPush, upload);
  EXPECT_THAT(called_, ElementsAre("a1"));
  EXPECT_EQ(queue_.size(), 1u);
}

TEST_F(UploadQueueTest, AClientWaitsOnceAndKeepsItsPlace) {
  ASSERT_TRUE(budget_.Take(static_cast<int64_t>(kUploadBytes)));
  Wait("a", Kind::kQuestion);
  Wait("b");
  for (int i = 0; i < 3; ++i) Wait("a", Kind::kQuestion);
  Wait("a", Kind::kPush);
  EXPECT_THAT(called_, ElementsAre("a1", "a2", "a3", "a4")) << "each older one is moot";
  EXPECT_EQ(queue_.size(), 2u);
  budget_.Give(static_cast<int64_t>(kUploadBytes));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "a2", "a3", "a4", "a5"));
}

TEST_F(UploadQueueTest, WhoIsWithdrawnIsCalledAndDoesNotHoldUpTheOthers) {
  ASSERT_TRUE(budget_.Take(static_cast<int64_t>(kUploadBytes)));
  Wait("a");
  Wait("b");
  Call(queue_.Withdraw("a"));
  Call(queue_.Withdraw("stranger"));
  EXPECT_THAT(called_, ElementsAre("a1"));
  budget_.Give(static_cast<int64_t>(kUploadBytes));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "b1"));
}

TEST_F(UploadQueueTest, AtTheCloseEverybodyIsCalled) {
  Wait("a");
  Wait("b", Kind::kQuestion);
  Call(queue_.WithdrawAll());
  EXPECT_THAT(called_, ElementsAre("a1", "b1"));
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(UploadQueueTest, TheFirstGoesToAFileWhereThoseBeforeItStandStill) {
  Wait("a");
  Admit();
  Wait("b");
  Wait("c");
  Advance(UploadQueue::kPatience - absl::Nanoseconds(1));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1"));
  EXPECT_EQ(loads_, 0);
  Advance(absl::Nanoseconds(1));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "b1")) << "and then the next one has to be patient";
  EXPECT_EQ(loads_, 1);
}

TEST_F(UploadQueueTest, MemoryThatWasFreedMakesPatientAgain) {
  Wait("a");
  Admit();
  Wait("b");
  Advance(UploadQueue::kPatience - absl::Nanoseconds(1));
  queue_.MemoryFreed();
  Advance(absl::Nanoseconds(1));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1"));
}

TEST_F(UploadQueueTest, UploadsThatComeAlongAreWaitedFor) {
  Wait("a");
  Admit();
  Wait("b");
  queue_.Arrived(kUploadBytes / 2);
  load_.bytes_to_come = kUploadBytes / 2;
  Advance(UploadQueue::kPatience);
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1")) << "at that rate the other half takes as long";
  Advance(UploadQueue::kLongestTurn);
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "b1"));
}

TEST_F(UploadQueueTest, AskingAgainDoesNotMakeTheClientLookNewlyArrived) {
  Wait("a");
  Admit();
  Wait("b", Kind::kQuestion);
  for (int second = 0; second < 2; ++second) {
    Advance(UploadQueue::kPatience / 2);
    Wait("b", Kind::kQuestion);
  }
  called_.clear();
  Admit();
  EXPECT_THAT(called_, ElementsAre("b3"));
}

TEST_F(UploadQueueTest, AQuestionIsAnsweredInTimeWhoeverIsBeforeIt) {
  Wait("a");
  Admit();
  load_ = {.bytes_to_come = 0, .adding = 1};  // which is never too slow
  Wait("b");
  Wait("c", Kind::kQuestion);
  Advance(absl::Seconds(1));
  Wait("d", Kind::kQuestion);
  Advance(UploadQueue::kLongestTurn - absl::Seconds(1));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "c1"));
  Advance(absl::Seconds(1));
  Admit();
  EXPECT_THAT(called_, ElementsAre("a1", "c1", "d1"));
  EXPECT_EQ(queue_.size(), 1u) << "a push is only read in its turn";
}

TEST_F(UploadQueueTest, AQuestionThatIsAskedAgainHasAsLongAsANewOne) {
  Wait("a");
  Admit();
  load_ = {.bytes_to_come = 0, .adding = 1};
  Wait("b", Kind::kQuestion);
  Advance(UploadQueue::kLongestTurn - absl::Seconds(1));
  Wait("b", Kind::kQuestion);  // the older call is answered at once
  called_.clear();
  Advance(absl::Seconds(2));
  Admit();
  EXPECT_THAT(called_, IsEmpty()) << "the newer one was asked two seconds ago";
  Advance(UploadQueue::kLongestTurn - absl::Seconds(2));
  Admit();
  EXPECT_THAT(called_, ElementsAre("b2"));
}

TEST(TooSlowTest, ComparesTheTimeToTheEndWithTheLongestTurn) {
  const UploadQueue::Load load{.bytes_to_come = 1000, .adding = 0};
  const absl::Duration second = absl::Seconds(1);
  EXPECT_TRUE(TooSlow(load, 0, second));
  EXPECT_TRUE(TooSlow(load, 99, second));
  EXPECT_FALSE(TooSlow(load, 100, second)) << "1000 bytes at 100 a second: 10 s";
}

TEST(TooSlowTest, MemoryOfKeptUpdatesIsNotWaitedForAndThatOfUpdatesBeingAddedIs) {
  EXPECT_TRUE(TooSlow({.bytes_to_come = 0, .adding = 0}, 0, absl::Seconds(2)));
  EXPECT_FALSE(TooSlow({.bytes_to_come = 0, .adding = 1}, 0, absl::Seconds(2)));
}

}  // namespace
}  // namespace tributary
