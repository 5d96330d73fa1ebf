#include "server/round/run_status.h"

#include <algorithm>
#include <string>

#include <google/protobuf/util/json_util.h>

#include "common/base/rfc3339.h"
#include "common/base/version.h"

namespace tributary {
namespace {

std::string StateOf(const ClientInfo& client, const RunSnapshot& snapshot) {
  if (!client.attending) return "absent";
  const auto task = snapshot.tasks.find(client.name);
  if (task == snapshot.tasks.end()) return "attending";
  return task->second == TaskState::kReported ? "reported" : "training";
}

v1::ClientStatus ClientStatusOf(const ClientInfo& client, const RunSnapshot& snapshot,
                                absl::Time now) {
  v1::ClientStatus status;
  status.set_client(client.name);
  status.set_dataset(client.dataset);
  status.set_modality(std::string(ModalityName(client.modality)));
  status.set_samples(client.samples);
  status.set_state(StateOf(client, snapshot));
  status.set_device(client.device);
  status.set_last_heard_ms(static_cast<uint64_t>(
      std::max<int64_t>(0, absl::ToInt64Milliseconds(now - client.last_heard))));
  if (!client.progress.has_value()) return status;
  status.set_step(client.progress->step());
  status.set_steps(client.progress->steps());
  status.set_loss(client.progress->loss());
  return status;
}

v1::OperatorMark MarkOf(const std::string& client, const OperatorMark& mark) {
  v1::OperatorMark proto;
  proto.set_client(client);
  proto.set_by(mark.by);
  proto.set_time(Rfc3339(mark.when));
  proto.set_reason(mark.reason);
  return proto;
}

void FillStruct(const nlohmann::json& json, google::protobuf::Struct* proto) {
  if (!json.is_object()) return;
  // Cannot fail on what nlohmann::json has just written; a failure would leave the field empty.
  (void)google::protobuf::util::JsonStringToMessage(
      json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), proto);
}

}  // namespace

v1::RunStatus RunStatusOf(const RunContext& context, const RunSnapshot& snapshot,
                          absl::Span<const ClientInfo> known, absl::Time now) {
  v1::RunStatus status;
  status.set_run_id(context.run_id);
  status.set_run_name(context.config.name);
  status.set_method(std::string(MethodName(context.config)));
  status.set_round(static_cast<uint32_t>(snapshot.round));
  const int rounds = snapshot.rounds > 0 ? snapshot.rounds : context.config.rounds;
  status.set_rounds(static_cast<uint32_t>(rounds));
  status.set_phase(std::string(PhaseName(snapshot.phase)));
  status.set_waiting(snapshot.waiting);
  status.set_bytes_up(snapshot.bytes_up);
  status.set_bytes_down(snapshot.bytes_down);
  status.set_software_version(kSoftwareVersion);
  if (snapshot.paused) *status.mutable_paused() = MarkOf("", *snapshot.paused);
  for (const auto& [client, mark] : snapshot.evicted) {
    *status.add_evicted() = MarkOf(client, mark);
  }
  FillStruct(snapshot.loss, status.mutable_loss());
  FillStruct(snapshot.metrics, status.mutable_tasks());
  status.set_seconds_left(snapshot.seconds_left);
  for (const ClientInfo& client : known) {
    *status.add_clients() = ClientStatusOf(client, snapshot, now);
  }
  return status;
}

}  // namespace tributary
