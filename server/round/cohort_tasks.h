// CohortTasks: who of a round's cohort is how far.
//
//   offered -> accepted -> pushing -> (adding) -> reported
//      ^__________|___________|                            the connection was lost
//   any of them but reported -> failed                     given up, or the update was refused
//
// A push is known by its ticket: each stream of a client gets a higher one, and an earlier stream
// loses its say. What a stream that broke off has brought stays, and the next one goes on there.
//
// A client's fault ends that client's task; what our own disk did wrong lets it try again.
//
// Not thread-safe: LiveRound's mutex guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/aggregation/scope.h"
#include "server/aggregation/upload.h"
#include "server/round/round_state.h"
#include "server/round/upload_queue.h"
#include "server/store/round_record.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// What one client does in one round.
struct ClientTask {
  CohortMember member;
  UploadBounds bounds;  // of what it may upload
  TaskState state = TaskState::kOffered;
  bool acknowledged = false;       // since it was last connected
  bool adding = false;             // its upload is complete and being added
  std::shared_ptr<Upload> upload;  // what has come of it; null: nothing
  v1::PushHeader header;           // of the last push
  absl::Time push_began;
  int ticket = 0;       // of the last push
  std::string refused;  // why its update was refused; empty: it was not
  UpdateRecord record;  // of the update that was accepted
};

class CohortTasks {
 public:
  // Makes an upload of `member`, of at most `most_bytes`.
  using NewUpload =
      std::function<std::shared_ptr<Upload>(const CohortMember& member, uint64_t most_bytes)>;

  // Not OK where an update of `member` with that report is refused: the rest of a message that
  // begins with the client's name.
  using CheckReport =
      std::function<absl::Status(const CohortMember& member, const v1::TrainingReport& report)>;

  // `bounds`: of each member's upload, in the order of `cohort`. `check_report`: null: any is
  // taken.
  CohortTasks(int round, const std::vector<CohortMember>& cohort,
              const std::vector<UploadBounds>& bounds, NewUpload new_upload,
              CheckReport check_report = nullptr);

  // Null for a client outside the cohort.
  const ClientTask* Find(const std::string& client) const;
  std::vector<Participant> Participants() const;
  // Whose tasks are to be offered again.
  std::vector<std::string> Unacknowledged() const;
  // Of those who have reported, by client.
  std::map<std::string, UpdateRecord> Updates() const;
  // What the uploads in reserved memory are at.
  UploadQueue::Load Load() const;
  // What `client` is told of its update. STATE_WANTED with next_chunk() == the header's chunks: all
  // has come and is being added.
  v1::UpdateState Answer(const std::string& client) const;

  // The client has taken its task.
  void Accept(const std::string& client);
  // The client is gone. What it has pushed stays, but memory that it reserved and has not used is
  // for others: true if there was such.
  bool Lose(const std::string& client);
  // The client gives its task up. False if it is not its to give up any more.
  bool GiveUp(const std::string& client);

  // The upload for which `client` is to wait its turn, where all `bytes` of it are still wanted;
  // null where Answer() can be given at once.
  std::shared_ptr<Upload> Prepare(const std::string& client, uint64_t bytes);

  // A push as it may begin. `ticket` < 0: it may not, and `state` is its answer.
  struct Start {
    v1::UpdateState state;
    int ticket = -1;
  };
  Start Begin(const std::string& client, const v1::PushHeader& header, absl::Time now);
  // The upload to which the push may append a chunk. Aborted: the ticket is no longer valid;
  // InvalidArgument: all announced chunks have come.
  absl::StatusOr<std::shared_ptr<Upload>> Continue(const std::string& client, int ticket) const;
  // A chunk of `upload` could not be appended. By the client's fault, the update is refused; if the
  // chunk was of another update than those before it (FailedPrecondition), it is wanted anew from
  // its first chunk. Either way what has come is dropped; false if all stays as it was.
  bool Reject(const std::string& client, const std::shared_ptr<Upload>& upload,
              const absl::Status& status);
  // The stream has ended: the upload, if it is complete and is to be added; null if Answer() says
  // how it goes on.
  std::shared_ptr<Upload> TakeComplete(const std::string& client, int ticket);
  // That upload, of so many bytes, was added with this verdict.
  void Added(const std::string& client, int ticket, const absl::Status& verdict, uint64_t bytes);

  // Uploads that are being added.
  int adding() const { return adding_; }
  bool closed() const { return closed_; }
  // No update is taken from now on; what has come of uploads is dropped.
  void Close();

 private:
  void Refuse(ClientTask* task, const absl::Status& status);
  // OK if an upload may begin with this header.
  absl::Status CheckHeader(const ClientTask& task, const v1::PushHeader& header) const;

  const int round_;
  const NewUpload new_upload_;
  const CheckReport check_report_;
  bool closed_ = false;
  int adding_ = 0;
  std::map<std::string, ClientTask> tasks_;
};

}  // namespace tributary
