#include "tool/run/run_command.h"

#include <atomic>
#include <iostream>
#include <optional>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/rfc3339.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/base/terminal.h"
#include "common/config/method_card.h"
#include "common/data/dataset_layout.h"
#include "common/data/shard.h"
#include "server/method/method_table.h"
#include "tool/run/local_federation.h"
#include "tool/run/run_folder.h"
#include "tool/run/run_view.h"
#include "tool/run/screen.h"

namespace tributary {
namespace {

// Checked before anything is started: a missing shard would show only when its client dies.
absl::Status CheckShards(const RunConfig& config) {
  for (const DatasetConfig& dataset : config.datasets) {
    for (int i = 0; i < dataset.clients; ++i) {
      const auto shard = Shard::Open(absl::StrCat(dataset.path, "/", TrainShardOf(i)));
      if (!shard.ok()) {
        return Annotate(shard.status(), absl::StrCat("dataset ", dataset.name, ", client ", i));
      }
    }
  }
  if (const auto needed = PublicSetOf(config); needed.has_value()) {
    const auto shard = Shard::Open(absl::StrCat(needed->folder, "/", kTrainShard));
    if (!shard.ok()) return Annotate(shard.status(), needed->key);
  }
  return absl::OkStatus();
}

FederationHooks MakeHooks(const RunCommand& command, RunView* view, Screen* screen,
                          const std::atomic<bool>* stopping) {
  FederationHooks hooks;
  hooks.on_event = [&command, view, screen](const std::string& line, const nlohmann::json& event) {
    if (command.json) {
      std::cout << event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                << std::endl;
    } else if (event.value("kind", "") == "listening") {
      screen->Print(absl::StrCat("coordinator at ", view->address(),
                                 "; from another terminal: tributary watch --server ",
                                 view->address()));
    } else if (!line.empty()) {
      screen->Print(line);
    }
  };
  hooks.on_notice = [&command, screen](const std::string& line) {
    if (command.json) {
      const nlohmann::json notice = {
          {"kind", "notice"}, {"time", Rfc3339(absl::Now())}, {"message", line}};
      std::cout << notice.dump() << std::endl;
    } else {
      screen->Print(line);
    }
  };
  hooks.on_turn = [&command, view, screen] {
    if (!command.json) screen->Paint(view->Lines(absl::Now(), Screen::MostLines()));
  };
  hooks.should_stop = [stopping] { return stopping->load(); };
  return hooks;
}

}  // namespace

void AddRunFlags(CLI::App* app, RunCommand* command) {
  app->add_option("run_file", command->run_file, "run file (TOML)")
      ->envname("TRIBUTARY_RUN")
      ->required();
  app->add_option("--set", command->overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--out", command->out, "folder of the run; by default out/<name>-<method>-<time>")
      ->envname("TRIBUTARY_OUT");
  app->add_flag("--fresh", command->fresh,
                "replace a finished run in --out; without it, that run's result is printed again");
  app->add_flag("--json", command->json, "print the run's events as JSON lines")
      ->envname("TRIBUTARY_JSON");
}

absl::Status RunFederation(const RunCommand& command, std::atomic<bool>* interrupted) {
  BlockStopSignals();
  ASSIGN_OR_RETURN(const RunConfig config,
                   LoadRunConfig(command.run_file, Methods(), command.overrides));
  RETURN_IF_ERROR(CheckShards(config));
  const std::string folder = command.out.empty() ? DefaultRunFolder(config) : command.out;
  // A finished run is told again, after the coordinator has checked that the settings are its own.
  const std::optional<int> done = command.fresh ? std::nullopt : RoundsOfResult(folder);
  if (!done.has_value()) RETURN_IF_ERROR(PrepareRunFolder(folder, command.fresh));
  std::atomic<bool> stopping = false;
  const StopSignal stop([&](const std::string& signal) {
    if (interrupted != nullptr) *interrupted = signal == "SIGINT";
    stopping = true;
  });
  RunView view(absl::Now());
  Screen screen(!command.json && CanRepaint(STDOUT_FILENO));
  LocalFederation federation({.config = config,
                              .run_file = command.run_file,
                              .overrides = command.overrides,
                              .folder = folder,
                              .binaries = BinaryFolder(),
                              .finished = done.has_value() && *done >= config.rounds});
  const absl::Status status = federation.Run(&view, MakeHooks(command, &view, &screen, &stopping));
  screen.Release();
  RETURN_IF_ERROR(status);
  // A stop that came too late has stopped nothing.
  if (view.finished() && interrupted != nullptr) *interrupted = false;
  if (command.json) return absl::OkStatus();
  if (!view.finished()) {
    std::cout << "stopped; go on with: tributary run " << command.run_file << " --out " << folder
              << " (and the same --set)" << std::endl;
    return absl::OkStatus();
  }
  std::cout << ResultTable(view.result()) << "result " << folder << "/result.json\nevents "
            << folder << "/events.jsonl\nmodels " << folder << "/models/\nlogs   " << folder
            << "/logs/" << std::endl;
  return absl::OkStatus();
}

}  // namespace tributary
