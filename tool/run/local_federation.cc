#include "tool/run/local_federation.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/method_card.h"
#include "common/data/dataset_layout.h"

namespace tributary {
namespace {

constexpr int kTurn = 200;  // milliseconds
constexpr absl::Duration kListenWithin = absl::Seconds(120);
constexpr absl::Duration kStopWithin = absl::Seconds(20);
// The coordinator tells clients at the end of a run; one that it did not reach is told by us then.
constexpr absl::Duration kToldWithin = absl::Seconds(6);
constexpr absl::Duration kFirstPause = absl::Milliseconds(500);

bool WouldRepeat(int code) {
  return code == kExitUsage || code == kExitUnusable || code == kExitNotPermitted;
}

}  // namespace

absl::Status LocalFederation::Launch(Member* member, bool piped) {
  ASSIGN_OR_RETURN(ChildProcess process,
                   ChildProcess::Start(member->arguments, member->log, piped));
  member->process.emplace(std::move(process));
  member->restart_at = absl::InfiniteFuture();
  return absl::OkStatus();
}

absl::Status LocalFederation::StartServer(const std::string& listen) {
  server_.arguments = {plan_.binaries + "/tributary-server",
                       "--run",
                       plan_.run_file,
                       "--state",
                       plan_.folder,
                       "--listen",
                       listen,
                       "--json"};
  for (const std::string& text : plan_.overrides) {
    server_.arguments.push_back("--set");
    server_.arguments.push_back(text);
  }
  server_.log = plan_.folder + "/logs/coordinator.log";
  return Launch(&server_, true);
}

absl::Status LocalFederation::StartClients(const std::string& address) {
  const RunConfig& config = plan_.config;
  for (const DatasetConfig& dataset : config.datasets) {
    for (int i = 0; i < dataset.clients; ++i) {
      const std::string name = absl::StrFormat("%s-%02d", dataset.name, i);
      Member& member = clients_[name];
      member.log = absl::StrCat(plan_.folder, "/logs/", name, ".log");
      member.arguments = {plan_.binaries + "/tributary-client",
                          "--server",
                          address,
                          "--data",
                          absl::StrCat(dataset.path, "/", ClientFolder(i)),
                          "--state",
                          absl::StrCat(plan_.folder, "/clients/", name),
                          "--name",
                          name,
                          "--device",
                          config.launch.device,
                          "--threads",
                          absl::StrCat(config.launch.threads),
                          "--json"};
      if (!config.model.vocabulary.empty()) {
        member.arguments.insert(member.arguments.end(), {"--vocabulary", config.model.vocabulary});
      }
      if (const auto needed = PublicSetOf(config); needed.has_value()) {
        member.arguments.insert(member.arguments.end(), {"--public", needed->folder});
      }
      RETURN_IF_ERROR(Launch(&member, false));
    }
  }
  return absl::OkStatus();
}

void LocalFederation::TakeEvents(const std::vector<std::string>& lines, RunView* view,
                                 const FederationHooks& hooks) {
  for (const std::string& line : lines) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_object()) hooks.on_event(view->Apply(event), event);
  }
}

void LocalFederation::Turn(RunView* view, const FederationHooks& hooks) {
  if (server_.process.has_value()) {
    TakeEvents(server_.process->ReadLines(kTurn), view, hooks);
  } else {
    absl::SleepFor(absl::Milliseconds(kTurn));  // until it is started again
  }
  hooks.on_turn();
}

bool LocalFederation::PlanRestart(const std::string& name, int code, Member* member,
                                  const FederationHooks& hooks) {
  if (WouldRepeat(code) || member->restarts >= kMostRestarts) {
    member->given_up = true;
    return false;
  }
  const absl::Duration pause = kFirstPause * (1 << member->restarts);
  ++member->restarts;
  member->restart_at = absl::Now() + pause;
  member->process.reset();
  hooks.on_notice(absl::StrCat(name, " ended unexpectedly (", code > 128 ? "signal " : "exit code ",
                               code > 128 ? code - 128 : code, "); starting it again in ",
                               absl::FormatDuration(pause)));
  return true;
}

absl::Status LocalFederation::CheckServer(RunView* view, const FederationHooks& hooks) {
  if (!server_.process.has_value()) {
    // On the port that it had: the clients keep dialling that one.
    return absl::Now() >= server_.restart_at ? StartServer(view->address()) : absl::OkStatus();
  }
  const std::optional<int> code = server_.process->Poll();
  if (!code.has_value()) return absl::OkStatus();
  TakeEvents(server_.process->ReadRest(), view, hooks);  // said since the last look
  if (*code == kExitDone || view->finished()) {
    server_done_ = true;
    return absl::OkStatus();
  }
  // A coordinator that has told an error ended in order and would fail again. One that has told
  // nothing was killed, for want of memory perhaps, and can resume. Before it listens there is
  // nothing to resume.
  if (view->error().empty() && !view->address().empty() &&
      PlanRestart("the coordinator", *code, &server_, hooks)) {
    return absl::OkStatus();
  }
  return StatusFromExitCode(*code, view->error().empty() ? LastError(server_.log) : view->error());
}

void LocalFederation::CheckClient(const std::string& name, Member* member,
                                  const FederationHooks& hooks) {
  if (member->given_up) return;
  if (!member->process.has_value()) {
    if (absl::Now() < member->restart_at) return;
    if (const absl::Status status = Launch(member, false); !status.ok()) {
      member->given_up = true;
      hooks.on_notice(absl::StrCat(name, ": ", status.message()));
    }
    return;
  }
  const std::optional<int> code = member->process->Poll();
  if (!code.has_value() || server_done_) return;
  if (*code == kExitDone) {
    member->given_up = true;  // the coordinator has told it that the run is over
  } else if (!PlanRestart(name, *code, member, hooks)) {
    hooks.on_notice(absl::StrCat(name, " ended with exit code ", *code,
                                 " and is not started again: ", LastError(member->log)));
  }
}

void LocalFederation::StopAll(RunView* view, const FederationHooks& hooks) {
  const absl::Time end = absl::Now() + kStopWithin;
  const absl::Time told_by = absl::Now() + kToldWithin;
  if (server_.process.has_value()) server_.process->Signal(SIGTERM);
  const auto running = [&] {
    bool any = server_.process.has_value() && !server_.process->Poll().has_value();
    for (auto& [name, client] : clients_) {
      if (!client.process.has_value() || client.process->Poll().has_value()) continue;
      any = true;
      // A client waits for a coordinator that stops to come back, and so must be stopped. At the
      // end of a run the coordinator tells it to end, and a signal could cut short what it does
      // last.
      if (!view->finished() || absl::Now() > told_by) client.process->Signal(SIGTERM);
    }
    return any;
  };
  while (running() && absl::Now() < end) {
    Turn(view, hooks);
  }
  if (server_.process.has_value()) TakeEvents(server_.process->ReadRest(), view, hooks);
  server_.process.reset();  // kills what is left
  clients_.clear();
}

absl::Status LocalFederation::Run(RunView* view, const FederationHooks& hooks) {
  RETURN_IF_ERROR(EnsureWritableFolder(plan_.folder + "/logs"));
  RETURN_IF_ERROR(StartServer("127.0.0.1:0"));
  const absl::Time listen_by = absl::Now() + kListenWithin;
  absl::Status status;
  while (status.ok() && !server_done_ && !hooks.should_stop()) {
    Turn(view, hooks);
    if (!plan_.finished && clients_.empty() && !view->address().empty())
      status = StartClients(view->address());
    if (view->address().empty() && absl::Now() > listen_by) {
      status = absl::DeadlineExceededError(absl::StrCat("the coordinator does not listen after ",
                                                        absl::FormatDuration(kListenWithin),
                                                        "; see ", server_.log));
    }
    if (status.ok()) status = CheckServer(view, hooks);
    for (auto& [name, client] : clients_) CheckClient(name, &client, hooks);
  }
  StopAll(view, hooks);
  return status;
}

}  // namespace tributary
