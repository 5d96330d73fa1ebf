#include "server/round/progress.h"

#include <utility>

namespace tributary {
namespace {

constexpr size_t kMostIdleShown = 64;

}  // namespace

nlohmann::json ProgressJson(const RunSnapshot& snapshot, absl::Span<const ClientInfo> known) {
  nlohmann::json clients = nlohmann::json::object();
  for (const ClientInfo& client : known) {
    const auto task = snapshot.tasks.find(client.name);
    const bool idle =
        client.attending && !client.progress.has_value() && task == snapshot.tasks.end();
    if (idle && known.size() > kMostIdleShown) continue;
    nlohmann::json row = {{"stage", client.attending ? "idle" : "absent"}};
    if (task != snapshot.tasks.end() && task->second == TaskState::kReported) {
      row["stage"] = "reported";
    } else if (client.progress.has_value()) {
      row = {{"stage", client.progress->stage()},
             {"round", client.progress->round()},
             {"step", client.progress->step()},
             {"steps", client.progress->steps()},
             {"loss", client.progress->loss()}};
    }
    clients[client.name] = std::move(row);
  }
  return {{"round", snapshot.round},
          {"rounds", snapshot.rounds},
          {"phase", std::string(PhaseName(snapshot.phase))},
          {"waiting", snapshot.waiting},
          {"bytes_up", snapshot.bytes_up},
          {"bytes_down", snapshot.bytes_down},
          {"known", known.size()},
          {"clients", clients}};
}

}  // namespace tributary
