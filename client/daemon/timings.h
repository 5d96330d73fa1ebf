// All times that a client waits, in one place, so that tests can shorten them.
#pragma once

#include "absl/time/time.h"
#include "common/rpc/backoff.h"

namespace tributary {

struct Timings {
  // Time until a first session is attended; after it the daemon gives up.
  absl::Duration connect = absl::Minutes(10);
  // Time without a session after one was attended; after it the daemon gives up.
  absl::Duration reconnect = absl::Hours(24);
  // Time for each answer of the coordinator while joining.
  absl::Duration handshake = absl::Seconds(30);
  // Least time between two reports of progress; they come in addition to heartbeats.
  absl::Duration progress = absl::Milliseconds(500);
  // Time for the coordinator to end the stream after Leave.
  absl::Duration leave = absl::Seconds(2);
  // Deadline of AskUpdate, which the coordinator may hold back until it is the client's turn.
  absl::Duration ask = absl::Seconds(20);
  // Deadline of one pull or push. A transfer that takes longer is cut and resumed at its next
  // chunk, so that this bounds a stall and not the transfer. It is doubled when not one chunk
  // arrives in it, up to longest_transfer.
  absl::Duration transfer = absl::Seconds(60);
  absl::Duration longest_transfer = absl::Minutes(10);
  // A session that was attended for so long resets the backoff.
  absl::Duration settled = absl::Seconds(2);
  // With --stay: until the client joins again after a run is finished, which lets the coordinator
  // go; and after the coordinator has refused it, where only a person can change that.
  absl::Duration next_run = absl::Seconds(5);
  absl::Duration refused = absl::Minutes(1);
  Backoff::Options dial = {.first = absl::Milliseconds(250), .most = absl::Seconds(15)};
  Backoff::Options retry = {.first = absl::Milliseconds(250), .most = absl::Seconds(15)};
};

}  // namespace tributary
