#include "tool/central/central_command.h"

#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/base/terminal.h"
#include "tool/central/central_config.h"
#include "tool/run/child_process.h"
#include "tool/run/run_folder.h"
#include "tool/run/run_view.h"
#include "tool/run/screen.h"

namespace tributary {
namespace {

constexpr int kTurn = 200;  // milliseconds
constexpr char kProgram[] = "tributary-central";

std::vector<std::string> ArgumentsOf(const CentralCommand& command, const std::string& folder) {
  std::vector<std::string> arguments = {absl::StrCat(BinaryFolder(), "/", kProgram), "--run",
                                        command.run_file, "--out", folder};
  for (const std::string& text : command.overrides) {
    arguments.insert(arguments.end(), {"--set", text});
  }
  return arguments;
}

// The program's events, for a person or, with --json, as they are.
class Follower {
 public:
  explicit Follower(bool json)
      : json_(json), view_(absl::Now()), screen_(!json && CanRepaint(STDOUT_FILENO)) {}

  void TakeEvents(ChildProcess* process, int milliseconds) {
    for (const std::string& text : process->ReadLines(milliseconds)) {
      const nlohmann::json event = nlohmann::json::parse(text, nullptr, false);
      if (!event.is_object()) continue;
      const std::string line = view_.Apply(event);
      if (json_) {
        // An error is this program's to tell, once, when it ends.
        if (event.value("kind", "") != "error") std::cout << text << std::endl;
      } else if (!line.empty()) {
        screen_.Print(line);
      }
    }
    if (!json_) screen_.Paint(view_.Lines(absl::Now(), Screen::MostLines()));
  }
  void Release() { screen_.Release(); }
  const RunView& view() const { return view_; }

 private:
  const bool json_;
  RunView view_;
  Screen screen_;
};

// Its exit code. Passes a stop on; the program then ends in order.
int Follow(ChildProcess* process, const std::atomic<bool>& stopping, Follower* follower) {
  bool told_to_stop = false;
  while (!process->Poll().has_value()) {
    follower->TakeEvents(process, kTurn);
    if (stopping && !std::exchange(told_to_stop, true)) process->Signal(SIGTERM);
  }
  follower->TakeEvents(process, 0);  // what it wrote last
  follower->Release();
  return *process->Poll();
}

void PrintEnd(const CentralCommand& command, const std::string& folder, const RunView& view) {
  if (!view.finished()) {
    std::cout << "stopped; go on with: tributary central " << command.run_file << " --out "
              << folder << " (and the same --set)" << std::endl;
    return;
  }
  std::cout << ResultTable(view.result()) << "result " << folder << "/result.json\nevents "
            << folder << "/events.jsonl\nmodels " << folder << "/models/" << std::endl;
}

}  // namespace

void AddCentralFlags(CLI::App* app, CentralCommand* command) {
  app->add_option("run_file", command->run_file, "run file (TOML)")->required();
  app->add_option("--set", command->overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--out", command->out, "folder of the run; by default out/<name>-central-<time>");
  app->add_flag("--fresh", command->fresh, "replace a finished run in --out");
  app->add_flag("--json", command->json, "print the run's events as JSON lines");
  app->footer(
      "One model for each dataset, on the data of all its clients: rounds of local.epochs epochs, "
      "with\nthe model, init.*, learning rates and evaluation of `tributary run`. What the method "
      "adds is left\nout. SIGTERM and SIGINT stop after the step under way; the same command goes "
      "on after the last\nround.");
}

absl::Status RunCentral(const CentralCommand& command) {
  BlockStopSignals();
  ASSIGN_OR_RETURN(const RunConfig config, LoadCentralConfig(command.run_file, command.overrides));
  const std::string folder = command.out.empty() ? DefaultRunFolder(config) : command.out;
  RETURN_IF_ERROR(PrepareRunFolder(folder, command.fresh));
  RETURN_IF_ERROR(EnsureWritableFolder(folder + "/logs"));
  const std::string log = folder + "/logs/central.log";
  std::atomic<bool> stopping = false;
  const StopSignal stop([&](const std::string&) { stopping = true; });
  ASSIGN_OR_RETURN(ChildProcess process,
                   ChildProcess::Start(ArgumentsOf(command, folder), log, true));
  Follower follower(command.json);
  const int code = Follow(&process, stopping, &follower);
  if (code != kExitDone) {
    const std::string& error = follower.view().error();
    return StatusFromExitCode(code, error.empty() ? LastError(log) : error);
  }
  if (!command.json) PrintEnd(command, folder, follower.view());
  return absl::OkStatus();
}

}  // namespace tributary
