#include "client/daemon/event_queue.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

// Of a pop that must find something.
absl::Time Patience() { return absl::Now() + absl::Seconds(30); }

uint32_t RoundOf(const std::optional<Event>& event) {
  return event ? std::get<TaskEnded>(*event).round : 0;
}

TEST(EventQueueTest, EventsComeInTheOrderOfThePushes) {
  EventQueue queue;
  for (uint32_t round = 1; round <= 3; ++round) queue.Push(TaskEnded{round, 1, absl::OkStatus()});
  std::vector<uint32_t> rounds;
  for (int i = 0; i < 3; ++i) rounds.push_back(RoundOf(queue.PopUntil(Patience())));
  EXPECT_THAT(rounds, ElementsAre(1, 2, 3));
}

TEST(EventQueueTest, NothingComesByADeadlineThatHasPassed) {
  EventQueue queue;
  EXPECT_FALSE(queue.PopUntil(absl::InfinitePast()).has_value());
  EXPECT_FALSE(queue.PopUntil(absl::Now()).has_value());
}

TEST(EventQueueTest, WhatIsThereIsGivenAfterTheDeadlineToo) {
  EventQueue queue;
  queue.Push(StopAsked{});
  const auto event = queue.PopUntil(absl::InfinitePast());
  ASSERT_TRUE(event.has_value());
  EXPECT_TRUE(std::holds_alternative<StopAsked>(*event));
  EXPECT_FALSE(queue.PopUntil(absl::InfinitePast()).has_value()) << "it is given once";
}

TEST(EventQueueTest, APushWakesWhoWaits) {
  EventQueue queue;
  std::thread pusher([&queue] { queue.Push(TaskEnded{7, 1, absl::OkStatus()}); });
  EXPECT_EQ(RoundOf(queue.PopUntil(absl::InfiniteFuture())), 7u);
  pusher.join();
}

TEST(EventQueueTest, EventsKeepWhatTheyCarry) {
  EventQueue queue;
  v1::ServerMessage message;
  message.set_sequence(5);
  queue.Push(ServerSaid{9, message});
  queue.Push(StreamClosed{9, absl::UnavailableError("gone")});
  queue.Push(TrainerReady{9, absl::InternalError("no model")});
  const auto said = queue.PopUntil(Patience());
  EXPECT_EQ(std::get<ServerSaid>(*said).stream, 9u);
  EXPECT_EQ(std::get<ServerSaid>(*said).message.sequence(), 5u);
  EXPECT_EQ(std::get<StreamClosed>(*queue.PopUntil(Patience())).status,
            absl::UnavailableError("gone"));
  EXPECT_EQ(std::get<TrainerReady>(*queue.PopUntil(Patience())).status,
            absl::InternalError("no model"));
}

TEST(EventQueueTest, NoEventOfSeveralThreadsIsLost) {
  EventQueue queue;
  std::vector<std::thread> pushers;
  for (uint32_t thread = 1; thread <= 4; ++thread) {
    pushers.emplace_back([&queue, thread] {
      for (uint32_t i = 0; i < 500; ++i) queue.Push(TaskEnded{thread, i, absl::OkStatus()});
    });
  }
  std::vector<uint32_t> next(5);
  for (int i = 0; i < 2'000; ++i) {
    const auto event = queue.PopUntil(Patience());
    ASSERT_TRUE(event.has_value());
    const auto& ended = std::get<TaskEnded>(*event);
    EXPECT_EQ(ended.attempt, next[ended.round]++) << "each thread's own order is kept";
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_FALSE(queue.PopUntil(absl::InfinitePast()).has_value());
}

}  // namespace
}  // namespace tributary
