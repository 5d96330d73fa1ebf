// How long a client waits for what, in one place; tests make them short.
#pragma once

#include "absl/time/time.h"
#include "common/rpc/backoff.h"

namespace tributary {

struct Timings {
  // Until a first session is attended; then the daemon gives up.
  absl::Duration connect = absl::Minutes(10);
  // Without a session, after one was attended.
  absl::Duration reconnect = absl::Hours(24);
  // For each answer of the coordinator while joining.
  absl::Duration handshake = absl::Seconds(30);
  // Between two reports of progress, beside the heartbeats.
  absl::Duration progress = absl::Milliseconds(500);
  // For the coordinator to end the stream after Leave.
  absl::Duration leave = absl::Seconds(2);
  // Of AskUpdate.
  absl::Duration ask = absl::Seconds(20);
  // Of one call of a transfer. A transfer that takes longer is cut and resumed at its next chunk,
  // so this bounds a stall, not the transfer; it is doubled where not one chunk arrives.
  absl::Duration transfer = absl::Seconds(60);
  absl::Duration longest_transfer = absl::Minutes(10);
  // What a session must last for the next backoff to begin anew.
  absl::Duration settled = absl::Seconds(2);
  Backoff::Options dial = {.first = absl::Milliseconds(250), .most = absl::Seconds(15)};
  Backoff::Options retry = {.first = absl::Milliseconds(250), .most = absl::Seconds(15)};
};

}  // namespace tributary
