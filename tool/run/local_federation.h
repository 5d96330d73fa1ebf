// LocalFederation: runs a coordinator and all clients of a run file as processes of this machine
// and restarts those that die.
//
// The pause before a restart doubles each time, and a process is restarted at most kMostRestarts
// times. One that ends with exit code 2, 3 or 4 is not restarted: wrong use, unusable data and
// missing rights do not go away. No process outlives this object.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/config/run_config.h"
#include "tool/run/child_process.h"
#include "tool/run/run_view.h"

namespace tributary {

struct FederationPlan {
  RunConfig config;
  std::string run_file;
  std::vector<std::string> overrides;
  std::string folder;     // of the run: the coordinator's state, clients/, logs/
  std::string binaries;   // folder of tributary-server and tributary-client
  bool finished = false;  // the folder holds the finished run: no clients are needed to tell it
};

// Functions that the loop calls.
struct FederationHooks {
  std::function<void(const std::string& line, const nlohmann::json& event)> on_event;
  std::function<void(const std::string& line)> on_notice;
  std::function<void()> on_turn;  // about five times a second
  std::function<bool()> should_stop;
};

class LocalFederation {
 public:
  static constexpr int kMostRestarts = 5;

  explicit LocalFederation(FederationPlan plan) : plan_(std::move(plan)) {}

  // Runs to the end. `view` follows the events. OK if the run is finished or was stopped on
  // request; else the coordinator's error, with the code that its exit code stands for.
  absl::Status Run(RunView* view, const FederationHooks& hooks);

 private:
  struct Member {
    std::vector<std::string> arguments;
    std::string log;
    std::optional<ChildProcess> process;
    int restarts = 0;
    absl::Time restart_at = absl::InfiniteFuture();
    bool given_up = false;
  };

  absl::Status StartServer(const std::string& listen);
  absl::Status StartClients(const std::string& address);
  absl::Status Launch(Member* member, bool piped);
  // Waits a moment for events of the coordinator.
  void Turn(RunView* view, const FederationHooks& hooks);
  void TakeEvents(const std::vector<std::string>& lines, RunView* view,
                  const FederationHooks& hooks);
  // Plans a restart if the process has ended, or gives it up; an error ends the run.
  absl::Status CheckServer(RunView* view, const FederationHooks& hooks);
  void CheckClient(const std::string& name, Member* member, const FederationHooks& hooks);
  bool PlanRestart(const std::string& name, int code, Member* member, const FederationHooks& hooks);
  void StopAll(RunView* view, const FederationHooks& hooks);

  const FederationPlan plan_;
  Member server_;
  bool server_done_ = false;
  std::map<std::string, Member> clients_;
};

}  // namespace tributary
