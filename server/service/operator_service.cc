#include "server/service/operator_service.h"

#include <deque>
#include <utility>

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

// Events that wait for a slow watcher; older ones are dropped, and sequence numbers show the gap.
constexpr size_t kMostQueued = 8192;

v1::Event ToProto(const RunEvent& event) {
  v1::Event proto;
  proto.set_sequence(event.sequence);
  proto.set_unix_ms(event.unix_ms);
  proto.set_kind(event.kind);
  proto.set_message(event.message);
  const std::string data =
      event.data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // Cannot fail on what nlohmann::json has just written; a failure would only leave `data` empty.
  (void)google::protobuf::util::JsonStringToMessage(data, proto.mutable_data());
  return proto;
}

// Owns itself until OnDone(). Ends after run_finished, run_stopped or run_failed.
class WatchReactor final : public grpc::ServerWriteReactor<v1::Event> {
 public:
  WatchReactor(EventLog* events, uint64_t first) : events_(events) {
    subscription_ = events_->Subscribe(first, [this](const RunEvent& event) { Add(event); });
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
    if (finished_ || cancelled_) return;
    if (queue_.size() >= kMostQueued) queue_.erase(queue_.begin() + 1);
    queue_.push_back(ToProto(event));
    last_ |=
        event.kind == "run_finished" || event.kind == "run_stopped" || event.kind == "run_failed";
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!cancelled_ && !queue_.empty()) return StartWrite(&queue_.front());
    if ((cancelled_ || last_) && !std::exchange(finished_, true)) Finish(grpc::Status::OK);
  }

  EventLog* const events_;
  int subscription_ = -1;
  absl::Mutex mutex_;
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

std::string StateOf(const ClientInfo& client, const RunSnapshot& snapshot) {
  if (!client.attending) return "absent";
  const auto task = snapshot.tasks.find(client.name);
  if (task == snapshot.tasks.end()) return "attending";
  return task->second == TaskState::kReported ? "reported" : "training";
}

}  // namespace

v1::RunStatus OperatorService::Status() const {
  const RunSnapshot snapshot = parts_.coordinator->Snapshot();
  const RunContext& context = *parts_.context;
  v1::RunStatus status;
  status.set_run_id(context.run_id);
  status.set_run_name(context.config.name);
  status.set_method(std::string(MethodName(context.config)));
  status.set_round(static_cast<uint32_t>(snapshot.round));
  status.set_rounds(static_cast<uint32_t>(context.config.rounds));
  status.set_phase(std::string(PhaseName(snapshot.phase)));
  status.set_waiting(snapshot.waiting);
  status.set_bytes_up(snapshot.bytes_up);
  status.set_bytes_down(snapshot.bytes_down);
  status.set_software_version(kSoftwareVersion);
  for (const ClientInfo& client : parts_.registry->Clients()) {
    v1::ClientStatus* row = status.add_clients();
    row->set_client(client.name);
    row->set_dataset(client.dataset);
    row->set_modality(std::string(ModalityName(client.modality)));
    row->set_samples(client.samples);
    row->set_state(StateOf(client, snapshot));
    row->set_device(client.device);
    row->set_last_heard_ms(static_cast<uint64_t>(
        std::max<int64_t>(0, absl::ToInt64Milliseconds(clock_->Now() - client.last_heard))));
    if (!client.progress.has_value()) continue;
    row->set_step(client.progress->step());
    row->set_steps(client.progress->steps());
    row->set_loss(client.progress->loss());
  }
  return status;
}

grpc::ServerUnaryReactor* OperatorService::GetStatus(grpc::CallbackServerContext* context,
                                                     const v1::StatusRequest*,
                                                     v1::RunStatus* status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status may = MayOperate(*context);
  if (may.ok()) *status = Status();
  reactor->Finish(ToGrpcStatus(may));
  return reactor;
}

grpc::ServerWriteReactor<v1::Event>* OperatorService::WatchEvents(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  const absl::Status may = MayOperate(*context);
  if (!may.ok()) return new RefusedWatch(may);
  return new WatchReactor(parts_.events, request->first_sequence());
}

grpc::ServerUnaryReactor* OperatorService::Stop(grpc::CallbackServerContext* context,
                                                const v1::StopRequest* request, v1::StopReply*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status may = MayOperate(*context);
  if (may.ok())
    parts_.coordinator->Stop(absl::StrCat("stopped by an operator: ", request->reason()));
  reactor->Finish(ToGrpcStatus(may));
  return reactor;
}

}  // namespace tributary
