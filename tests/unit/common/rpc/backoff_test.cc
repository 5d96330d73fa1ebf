#include "common/rpc/backoff.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tributary {
namespace {

const Backoff::Options kOptions{
    .first = absl::Seconds(1), .most = absl::Seconds(8), .factor = 2, .jitter = 0.5};

TEST(BackoffTest, GrowsByTheFactorUpToTheMost) {
  Backoff::Options options = kOptions;
  options.jitter = 0;
  Backoff backoff(options, RandomStream(1, "dial"));
  for (const int seconds : {1, 2, 4, 8, 8, 8}) {
    EXPECT_EQ(backoff.Next(), absl::Seconds(seconds));
  }
}

TEST(BackoffTest, JitterShortensEachWaitByAtMostItsPart) {
  Backoff backoff(kOptions, RandomStream(7, "dial"));
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration step = absl::Seconds(i < 3 ? 1 << i : 8);
    const absl::Duration wait = backoff.Next();
    EXPECT_GT(wait, step * 0.4999);
    EXPECT_LE(wait, step);
  }
}

TEST(BackoffTest, BeginsAnewAfterASuccess) {
  Backoff backoff(kOptions, RandomStream(1, "dial"));
  for (int i = 0; i < 5; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Seconds(1));
}

TEST(BackoffTest, ClientsDrawDifferentWaits) {
  std::set<absl::Duration> waits;
  for (int client = 0; client < 100; ++client) {
    Backoff backoff(kOptions, RandomStream(1, "dial", 0, std::to_string(client)));
    waits.insert(backoff.Next());
  }
  EXPECT_GT(waits.size(), 95u);
}

}  // namespace
}  // namespace tributary
