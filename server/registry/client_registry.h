// ClientRegistry: the clients that attend or have attended, their data, and when each was last
// heard.
//
// A client is known by its name. At most one link (Attend stream) serves a name: a second one is
// refused while the first is alive, and takes over when the first has been silent for two
// heartbeats. Liveness is heartbeats, never "has reported a result".
//
// Thread-safe. Send() of a link is called without the registry's lock and must not call back into
// the registry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/model/model_spec.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// One client's Attend stream, as the registry sees it.
class ClientLink {
 public:
  virtual ~ClientLink() = default;
  // Queues a message; the link numbers it. Does nothing once the link is closed.
  virtual void Send(v1::ServerMessage message) = 0;
  // Ends the stream after what is queued. May be called twice.
  virtual void Close() = 0;
};

struct ClientInfo {
  std::string name;
  std::string dataset;
  Modality modality = Modality::kPair;
  uint64_t samples = 0;
  uint64_t test_samples = 0;  // of its own test part; 0: it has none
  std::string device;
  std::string software_version;
  std::string data_digest;    // of its shard: tells a client that comes back with other data
  std::string schema_digest;  // of what the shard was made by
  bool attending = false;     // linked, and its model's manifest agreed
  absl::Time last_heard;
  absl::Time absent_since;  // meaningful if not attending
  std::optional<v1::Progress> progress;
};

class ClientRegistry {
 public:
  // `heartbeat`: as told to clients. `clock` must outlive the registry.
  ClientRegistry(absl::Duration heartbeat, const Clock* clock)
      : heartbeat_(heartbeat), clock_(clock) {}

  // Links a client that was admitted; returns its session. FailedPrecondition if its name is in
  // use.
  absl::StatusOr<std::string> Attach(const v1::Join& join, Modality modality,
                                     std::shared_ptr<ClientLink> link);
  // From now on the client gets tasks. False if `link` no longer serves the name.
  bool MarkAttending(const std::string& name, const ClientLink* link);
  // A sign of life, with the client's progress if it told any.
  void Heard(const std::string& name, const ClientLink* link, std::optional<v1::Progress> progress);
  // Forgets the link, if it is still the one that serves the name. True if it was.
  bool Detach(const std::string& name, const ClientLink* link);

  // The client that a session belongs to. Unauthenticated for an unknown one.
  absl::StatusOr<std::string> ClientOfSession(const std::string& session) const;
  // Sends to one client; false if it is not linked.
  bool Send(const std::string& name, v1::ServerMessage message) const;
  void SendToAll(const v1::ServerMessage& message) const;
  // Sends a last message to one client and closes its link; false if it is not linked.
  bool Disconnect(const std::string& name, v1::ServerMessage farewell);

  // Closes links that have been silent longer than `liveness`; returns their clients' names.
  std::vector<std::string> DropSilent(absl::Duration liveness);

  // One client; nothing if it has never joined.
  std::optional<ClientInfo> Client(const std::string& name) const;
  // All clients ever seen, by name.
  std::vector<ClientInfo> Clients() const;
  int linked() const;

 private:
  struct Record {
    ClientInfo info;
    std::string session;
    std::shared_ptr<ClientLink> link;
  };
  Record* Serving(const std::string& name, const ClientLink* link)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unlink(Record* record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration heartbeat_;
  const Clock* const clock_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Record> records_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> sessions_ ABSL_GUARDED_BY(mutex_);  // session -> name
};

}  // namespace tributary
