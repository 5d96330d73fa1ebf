// tributary: the operator's tool. One file per command; this one dispatches and turns errors into
// exit codes.

#include <atomic>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "absl/strings/str_join.h"
#include "common/base/report.h"
#include "common/base/status.h"
#include "common/base/stop_signal.h"
#include "common/base/version.h"
#include "tool/bench/bench_command.h"
#include "tool/central/central_command.h"
#include "tool/command_line.h"
#include "tool/environment_names.h"
#include "tool/export/export_command.h"
#include "tool/operator_actions.h"
#include "tool/operator_commands.h"
#include "tool/plan_command.h"
#include "tool/prepare/prepare_command.h"
#include "tool/prepare/schema_command.h"
#include "tool/run/run_command.h"
#include "tool/settings_command.h"
#include "tool/sweep/sweep_command.h"

namespace tributary {
namespace {

// As shells have it, 128 + SIGINT: a script must be able to tell a run that was stopped from one
// that is finished.
constexpr int kExitInterrupted = 130;

int Report(const absl::Status& status, bool json) { return ReportEnd("tributary", status, json); }

int Main(int argc, char** argv) {
  CLI::App app("Federated learning of multi-modal transformers");
  app.set_version_flag("--version", kSoftwareVersion);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed while running, 2 wrong use, 3 data or state unusable, 4 not "
      "permitted.");

  PrepareCommand prepare;
  CLI::App* prepare_app = app.add_subcommand("prepare", "make shards out of a dataset");
  AddPrepareFlags(prepare_app, &prepare);

  SchemaCommand schema;
  CLI::App* schema_app = app.add_subcommand(
      "schema", "write what all owners of a dataset must agree on, for `prepare --schema`");
  AddSchemaFlags(schema_app, &schema);

  RunCommand run;
  CLI::App* run_app = app.add_subcommand("run", "run a whole federation on this machine");
  AddRunFlags(run_app, &run);

  CentralCommand central;
  CLI::App* central_app = app.add_subcommand(
      "central", "train each dataset on all its data in one place, to compare a federation with");
  AddCentralFlags(central_app, &central);

  SweepCommand sweep;
  CLI::App* sweep_app =
      app.add_subcommand("sweep", "run variants over several seeds, and compare them");
  AddSweepFlags(sweep_app, &sweep);

  ExportCommand exported;
  CLI::App* export_app =
      app.add_subcommand("export", "write a global model as a file for other programs");
  AddExportFlags(export_app, &exported);

  BenchCommand bench;
  CLI::App* bench_app =
      app.add_subcommand("bench", "measure what moving and merging weights costs on this machine");
  AddBenchFlags(bench_app, &bench);

  PlanCommand plan;
  CLI::App* plan_app =
      app.add_subcommand("plan", "print who contributes what to which global model");
  AddPlanFlags(plan_app, &plan);
  CLI::App* settings_app =
      app.add_subcommand("settings", "print every key of run files: default, values, meaning");
  OperatorCommand status, watch;
  CLI::App* status_app = app.add_subcommand("status", "ask a running coordinator how it stands");
  AddOperatorFlags(status_app, &status);
  CLI::App* watch_app = app.add_subcommand("watch", "follow a run's events until it ends");
  AddWatchFlags(watch_app, &watch);
  OperatorAction action;
  AddOperatorActions(&app, &action);
  NameVariables(&app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string explained = ExplainParseError(app, {argv + 1, argv + argc}, error);
    if (explained.empty()) return app.exit(error) == 0 ? kExitDone : kExitUsage;
    std::fprintf(stderr, "tributary: %s\n", explained.c_str());
    return kExitUsage;
  }
  // The shards keep the command that made them.
  prepare.options.command = absl::StrJoin(argv, argv + argc, " ");
  if (prepare_app->parsed()) return Report(RunPrepare(prepare), prepare.json);
  if (schema_app->parsed()) return Report(RunSchema(schema), false);
  if (export_app->parsed()) return Report(RunExport(exported), exported.json);
  if (bench_app->parsed()) return Report(RunBench(bench), bench.json);
  if (plan_app->parsed()) return Report(RunPlan(plan), plan.json);
  if (settings_app->parsed()) return Report(PrintSettings(), false);
  if (status_app->parsed()) return Report(RunStatusCommand(status), status.json);
  if (watch_app->parsed()) return Report(RunWatchCommand(watch), watch.json);
  if (sweep_app->parsed()) return Report(RunSweep(sweep), sweep.json);
  if (central_app->parsed()) return Report(RunCentral(central), central.json);
  if (run_app->parsed()) {
    std::atomic<bool> interrupted = false;
    const int code = Report(RunFederation(run, &interrupted), run.json);
    return interrupted && code == kExitDone ? kExitInterrupted : code;
  }
  if (const auto done = RunOperatorAction(app, action)) return Report(*done, action.command.json);
  return kExitUsage;
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  try {
    return tributary::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tributary: %s\n", error.what());
    return tributary::kExitFailed;
  }
}
