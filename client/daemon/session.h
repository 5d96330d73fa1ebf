// Session: one Attend stream from Join to its end. One thread makes all decisions.
//
//   joining --Welcome--> preparing --model built--> readying --Attending--> attending
//
// While joining and readying, the coordinator has Timings::handshake to answer. While attending,
// its silence is normal, since it speaks only when it has a task. A dead connection is then found
// by gRPC's keepalive and by heartbeats that the connection does not accept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/daemon/attend_stream.h"
#include "client/daemon/event_queue.h"
#include "client/daemon/state_folder.h"
#include "client/daemon/task_runner.h"
#include "client/daemon/timings.h"
#include "common/model/model_spec.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

// What a client tells the coordinator about itself when it joins.
struct ClientCard {
  std::string name;
  Modality modality = Modality::kPair;
  v1::DataCard data;
  std::string device;      // "cpu", "cuda:0"
  std::string vocabulary;  // SHA-256; empty for image clients
  std::string public_set;  // digest of the public set's shard; empty: none
};

// The objects that all sessions of a daemon share. Pointers must outlive every session.
struct SessionPlace {
  v1::Federation::StubInterface* stub = nullptr;
  EventQueue* events = nullptr;
  TaskRunner* runner = nullptr;
  WorkGate* gate = nullptr;
  ProgressBoard* board = nullptr;
  StateFolder* folder = nullptr;
  UpdateStore* store = nullptr;
  std::shared_ptr<spdlog::logger> log;
  ClientCard card;
  Timings timings;
  bool stay = false;  // whether another run of the coordinator is joined by itself
};

struct SessionEnd {
  enum Kind {
    kRunFinished,  // nothing is left to do
    kOtherRun,     // the coordinator has another run, which the folder now names: join again
    kStopped,      // asked to stop
    kFatal,        // another session will not help; see status
    kLost,         // try again; see status
  };
  Kind kind = kLost;
  absl::Status status;
  absl::Duration attended{};  // how long; zero if the coordinator never took the client in
  bool refused = false;       // kFatal by what the coordinator decided, which may change there
};

// Serves once, on one thread.
class Session {
 public:
  // `number` tells this session's events from those of earlier ones.
  Session(const SessionPlace& place, uint64_t number);

  SessionEnd Run();

 private:
  enum class Phase { kJoining, kPreparing, kReadying, kAttending };

  void Join();
  void Handle(const Event& event);
  void OnMessage(const v1::ServerMessage& message);
  void OnWelcome(const v1::Welcome& welcome);
  void OnTrainerReady(const absl::Status& status);
  void OnRefusal(const v1::Refusal& refusal);
  void OnAttending();
  void OnTask(const v1::Task& task);
  void OnShutdown(const v1::Shutdown& shutdown);
  void OnTaskEnded(const TaskEnded& ended);
  void OnClosed(const absl::Status& status);

  void OnTime(absl::Time now);
  void SendHeartbeat(absl::Time now);
  absl::Time NextWake() const;
  // Enters `phase`, which the coordinator must end within `limit`.
  void Enter(Phase phase, absl::Duration limit);
  void End(SessionEnd::Kind kind, absl::Status status);
  // Ends with kFatal, because the coordinator does not have this client.
  void EndRefused(absl::Status status);
  // Takes over the coordinator's run in place of the one that was joined before.
  void ChangeRun(const std::string& joined);
  // Ends the session by this side's own decision and tells the coordinator why.
  void Leave(SessionEnd::Kind kind, absl::Status status, const std::string& reason);
  // Waits until the coordinator has closed the stream, so that the last message arrives.
  void AwaitClose();

  const SessionPlace& place_;
  const uint64_t number_;
  std::unique_ptr<AttendStream> stream_;
  std::optional<SessionEnd> end_;
  bool leaving_ = false;

  Phase phase_ = Phase::kJoining;
  absl::Time phase_ends_ = absl::InfiniteFuture();
  uint64_t last_seen_ = 0;  // the coordinator's sequence
  std::shared_ptr<const SessionTerms> terms_;
  absl::Time attending_since_ = absl::InfiniteFuture();
  absl::Time heartbeat_due_ = absl::InfiniteFuture();
  absl::Time progress_due_ = absl::InfiniteFuture();  // earliest time of the next report
  bool progress_pending_ = false;
};

// OK if the client can take further tasks after one that ended with `status`. DataLoss, with which
// the daemon must stop: the client's own data are damaged.
absl::Status CheckStillAble(const absl::Status& status);

}  // namespace tributary
