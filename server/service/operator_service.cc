#include "server/service/operator_service.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include <google/protobuf/util/json_util.h>

#include "common/base/rfc3339.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status_proto.h"
#include "server/round/progress_throttle.h"
#include "server/round/run_status.h"

namespace tributary {
namespace {

// Events that wait for a slow watcher; older ones are dropped, and sequence numbers show the gap.
constexpr size_t kMostQueued = 8192;

v1::Event ToProto(const RunEvent& event) {
  v1::Event proto;
  proto.set_sequence(event.sequence);
  proto.set_unix_ms(event.unix_ms);
  proto.set_time(Rfc3339(absl::FromUnixMillis(event.unix_ms)));
  proto.set_kind(event.kind);
  proto.set_message(event.message);
  const std::string data =
      event.data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // Cannot fail on what nlohmann::json has just written; a failure would only leave `data` empty.
  (void)google::protobuf::util::JsonStringToMessage(data, proto.mutable_data());
  return proto;
}

// Owns itself until OnDone(). Ends with the run.
class WatchReactor final : public grpc::ServerWriteReactor<v1::Event> {
 public:
  WatchReactor(EventLog* events, const v1::WatchRequest& request) : events_(events) {
    // Unset: nothing of what earlier processes of the run logged.
    const absl::Time since = request.since_unix_ms() == 0
                                 ? absl::InfiniteFuture()
                                 : absl::FromUnixMillis(request.since_unix_ms());
    subscription_ = events_->Subscribe(
        request.first_sequence(), [this](const RunEvent& event) { Add(event); }, since);
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    queue_.pop_front();
    if (!ok) cancelled_ = true;
    Continue();
  }
  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (queue_.empty()) Continue();
  }
  void OnDone() override {
    events_->Unsubscribe(subscription_);
    delete this;
  }

 private:
  void Add(const RunEvent& event) {
    absl::MutexLock lock(&mutex_);
    if (finished_ || cancelled_ || !throttle_.Passes(event)) return;
    if (queue_.size() >= kMostQueued) queue_.erase(queue_.begin() + 1);
    queue_.push_back(ToProto(event));
    last_ |= event.EndsRun();
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!cancelled_ && !queue_.empty()) return StartWrite(&queue_.front());
    if ((cancelled_ || last_) && !std::exchange(finished_, true)) Finish(grpc::Status::OK);
  }

  EventLog* const events_;
  int subscription_ = -1;
  absl::Mutex mutex_;
  ProgressThrottle throttle_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::Event> queue_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

// Refuses every event stream of a peer that may not operate.
class RefusedWatch final : public grpc::ServerWriteReactor<v1::Event> {
 public:
  explicit RefusedWatch(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

absl::Status MayOperate(const grpc::CallbackServerContext& context) {
  return CheckMayOperate(IdentityOf(*context.auth_context()));
}

// Who operates, for events and status: without TLS nobody has shown a name.
std::string NameOf(const PeerIdentity& peer) {
  if (!peer.encrypted) return "local";
  return peer.name.empty() ? "operator" : peer.name;
}

// Answers with what `act` returns, if the peer may operate the run. `act` is called with its name.
grpc::ServerUnaryReactor* Act(grpc::CallbackServerContext* context,
                              const std::function<absl::Status(const std::string& by)>& act) {
  const PeerIdentity peer = IdentityOf(*context->auth_context());
  absl::Status status = CheckMayOperate(peer);
  if (status.ok()) status = act(NameOf(peer));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* OperatorService::GetStatus(grpc::CallbackServerContext* context,
                                                     const v1::StatusRequest*,
                                                     v1::RunStatus* status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status may = MayOperate(*context);
  if (may.ok()) {
    *status = RunStatusOf(*deps_.context, deps_.coordinator->Snapshot(), deps_.registry->Clients(),
                          clock_->Now());
  }
  reactor->Finish(ToGrpcStatus(may));
  return reactor;
}

grpc::ServerWriteReactor<v1::Event>* OperatorService::WatchEvents(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  const absl::Status may = MayOperate(*context);
  if (!may.ok()) return new RefusedWatch(may);
  return new WatchReactor(deps_.events, *request);
}

grpc::ServerUnaryReactor* OperatorService::Stop(grpc::CallbackServerContext* context,
                                                const v1::StopRequest* request, v1::StopReply*) {
  return Act(context, [&](const std::string& by) { return operator_.Stop(by, request->reason()); });
}

grpc::ServerUnaryReactor* OperatorService::Pause(grpc::CallbackServerContext* context,
                                                 const v1::PauseRequest* request,
                                                 v1::ActionReply*) {
  return Act(context,
             [&](const std::string& by) { return operator_.Pause(by, request->reason()); });
}

grpc::ServerUnaryReactor* OperatorService::Resume(grpc::CallbackServerContext* context,
                                                  const v1::ResumeRequest*, v1::ActionReply*) {
  return Act(context, [&](const std::string& by) { return operator_.Resume(by); });
}

grpc::ServerUnaryReactor* OperatorService::Evict(grpc::CallbackServerContext* context,
                                                 const v1::EvictRequest* request,
                                                 v1::ActionReply*) {
  return Act(context, [&](const std::string& by) {
    return operator_.Evict(request->client(), by, request->reason());
  });
}

grpc::ServerUnaryReactor* OperatorService::Forgive(grpc::CallbackServerContext* context,
                                                   const v1::ForgiveRequest* request,
                                                   v1::ActionReply*) {
  return Act(context,
             [&](const std::string& by) { return operator_.Forgive(request->client(), by); });
}

grpc::ServerUnaryReactor* OperatorService::SetRounds(grpc::CallbackServerContext* context,
                                                     const v1::SetRoundsRequest* request,
                                                     v1::ActionReply*) {
  return Act(context, [&](const std::string& by) {
    // A number beyond int is beyond the most rounds, too.
    const uint32_t rounds = std::min<uint32_t>(request->rounds(), RoundGoal::kMostRounds + 1);
    return operator_.SetRounds(static_cast<int>(rounds), by);
  });
}

}  // namespace tributary
