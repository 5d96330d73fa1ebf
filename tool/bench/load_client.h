// LoadClient: a client that follows the whole protocol but trains nothing.
//
// It joins, sends heartbeats, takes tasks, pulls and verifies the model, and pushes an update that
// an UpdateMaker makes up. It has a connection of its own, as real clients do.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/daemon/attend_stream.h"
#include "common/rpc/channel.h"
#include "common/tensor/manifest.h"
#include "tool/bench/made_up_update.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

// Counts over all load clients of a process. Thread-safe.
struct LoadCounters {
  std::atomic<int> attending = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> lost = 0;      // streams that ended before the run did
  std::atomic<int> finished = 0;  // told that the run is over
  std::atomic<int> updates = 0;   // accepted
  std::atomic<int> failures = 0;  // tasks that failed
  std::atomic<int64_t> heartbeats = 0;
  std::atomic<int64_t> latest_heartbeat_us = 0;  // greatest delay of a heartbeat
};

// Keeps one copy of the Welcome for all clients of a process. Two manifests for each of thousands
// of clients would be most of the process's memory. Thread-safe.
class SharedWelcome {
 public:
  // `welcome` without its session.
  std::shared_ptr<const v1::Welcome> Keep(v1::Welcome welcome);

 private:
  absl::Mutex mutex_;
  std::string bytes_ ABSL_GUARDED_BY(mutex_);  // of the latest
  std::shared_ptr<const v1::Welcome> latest_ ABSL_GUARDED_BY(mutex_);
};

class LoadClient {
 public:
  // Runs a job on another thread: tasks must not hold up the stream's messages.
  using Run = std::function<void(std::function<void()>)>;

  // Dials at once. `dial_pulls`: each pull has a connection of its own, as pushes have, instead of
  // the one that attends. gRPC keeps about a megabyte of read buffers for each connection that has
  // pulled, which does not matter to one client and is gigabytes to a process with hundreds.
  // What `run` starts, `maker`, `welcomes` and `counters` must outlive the client.
  LoadClient(Dial dial, bool dial_pulls, v1::Join join, Run run, UpdateMaker* maker,
             SharedWelcome* welcomes, LoadCounters* counters);

  // Waits for the client's jobs, then hangs up.
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  // Sends a heartbeat if one is due. Returns the time of the next one.
  absl::Time Beat(absl::Time now);

 private:
  void OnMessage(const v1::ServerMessage& message);
  void OnWelcome(const v1::Welcome& welcome);
  void Spawn(std::function<void()> job);
  absl::Status DoTask(const v1::Task& task);
  absl::Status Pull(const v1::Task& task);
  absl::StatusOr<v1::UpdateState> Ask(const v1::Task& task, const EncodedState& update);
  absl::StatusOr<v1::UpdateState> Push(const v1::Task& task, const EncodedState& update,
                                       uint32_t first_chunk);

  const v1::Join join_;
  const Run run_;
  UpdateMaker* const maker_;
  SharedWelcome* const welcomes_;
  LoadCounters* const counters_;
  const Dial dial_;
  const bool dial_pulls_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Federation::Stub> stub_;
  absl::Mutex mutex_;
  int jobs_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::string session_ ABSL_GUARDED_BY(mutex_);
  // Never null: a task that comes before any welcome finds an empty one.
  std::shared_ptr<const v1::Welcome> welcome_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const v1::Welcome>();
  absl::Time beat_due_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  uint32_t round_ ABSL_GUARDED_BY(mutex_) = 0;  // of the task that was taken last
  uint32_t attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t held_version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> finished_ = false;
  std::unique_ptr<AttendStream> stream_;  // last member: its callbacks use all others
};

}  // namespace tributary
