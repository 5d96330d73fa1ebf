#include "tool/sweep/sweep_command.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <deque>
#include <filesystem>
#include <iostream>
#include <list>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/base/terminal.h"
#include "common/config/run_config.h"
#include "server/method/method_table.h"
#include "server/round/metrics_in_words.h"
#include "tool/run/child_process.h"
#include "tool/run/local_federation.h"
#include "tool/run/run_view.h"
#include "tool/run/screen.h"
#include "tool/sweep/sweep_file.h"
#include "tool/sweep/sweep_table.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr int kTurn = 100;  // milliseconds

// A run under way.
struct Job {
  SweepRun run;
  ChildProcess process;
  RunView view;
};

class Sweeper {
 public:
  Sweeper(Sweep sweep, std::string out, int jobs, bool json)
      : sweep_(std::move(sweep)),
        out_(std::move(out)),
        jobs_(static_cast<size_t>(jobs)),
        json_(json),
        screen_(!json && CanRepaint(STDOUT_FILENO)) {}

  // Lists the runs, checks their settings, and sorts out those that are finished.
  absl::Status Plan();
  absl::Status Run(const std::atomic<bool>& stopping);
  absl::Status Finish(bool stopped);

 private:
  std::string FolderOfRun(const SweepRun& run) const { return absl::StrCat(out_, "/", run.folder); }
  // FailedPrecondition if the folder was made with other settings.
  absl::Status CheckSettings(const SweepRun& run) const;
  nlohmann::json SettingsOf(const SweepRun& run) const;
  absl::Status StartNext();
  static void Follow(const std::vector<std::string>& lines, Job* job);
  // Whether it has ended.
  bool Reap(Job* job);
  void Tell(const SweepRun& run, const std::string& what, nlohmann::json event);
  void Paint();

  const Sweep sweep_;
  const std::string out_;
  const size_t jobs_;
  const bool json_;
  Screen screen_;
  std::string run_file_digest_;
  std::deque<SweepRun> waiting_;
  std::list<Job> running_;
  std::vector<std::pair<std::string, nlohmann::json>> results_;
  size_t total_ = 0, failed_ = 0;
  // SIGTERM was sent. A run that has only just started dies of it, before it blocks the signal,
  // which is no failure.
  bool told_to_stop_ = false;
};

absl::StatusOr<nlohmann::json> ReadResult(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(folder + "/result.json"));
  nlohmann::json result = nlohmann::json::parse(text, nullptr, false);
  if (!result.is_object()) return absl::DataLossError(folder + "/result.json is not JSON");
  return result;
}

nlohmann::json Sweeper::SettingsOf(const SweepRun& run) const {
  return {{"run", sweep_.run_file}, {"run_file", run_file_digest_}, {"set", run.overrides}};
}

absl::Status Sweeper::CheckSettings(const SweepRun& run) const {
  const absl::StatusOr<std::string> text = ReadFile(FolderOfRun(run) + "/sweep.json");
  if (!text.ok() || nlohmann::json::parse(*text, nullptr, false) == SettingsOf(run)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(FolderOfRun(run),
                   " holds a run of other settings (sweep.json there says which); "
                   "give another --out, or remove that folder"));
}

absl::Status Sweeper::Plan() {
  absl::StatusOr<std::string> digest = Sha256OfFile(sweep_.run_file);
  if (!digest.ok()) return absl::InvalidArgumentError(std::string(digest.status().message()));
  run_file_digest_ = *std::move(digest);
  for (SweepRun& run : RunsOf(sweep_)) {
    const auto config = LoadRunConfig(sweep_.run_file, Methods(), run.overrides);
    if (!config.ok()) return Annotate(config.status(), absl::StrCat("row \"", run.row, "\""));
    RETURN_IF_ERROR(CheckSettings(run));
    ++total_;
    absl::StatusOr<nlohmann::json> result = ReadResult(FolderOfRun(run));
    if (result.ok()) {
      results_.emplace_back(run.folder, *std::move(result));
    } else {
      waiting_.push_back(std::move(run));
    }
  }
  if (!json_) {
    screen_.Print(absl::StrFormat("%d runs, %d of them done already, %d at a time; %s/", total_,
                                  results_.size(), jobs_, out_));
  }
  return absl::OkStatus();
}

absl::Status Sweeper::StartNext() {
  SweepRun run = std::move(waiting_.front());
  waiting_.pop_front();
  const std::string folder = FolderOfRun(run);
  RETURN_IF_ERROR(EnsureWritableFolder(folder));
  // Before the run starts, so that a sweep with other settings finds it also after a crash.
  RETURN_IF_ERROR(WriteFileAtomically(folder + "/sweep.json", SettingsOf(run).dump(2) + "\n"));
  std::error_code error;
  std::vector<std::string> arguments = {fs::read_symlink("/proc/self/exe", error).string(),
                                        "run",
                                        sweep_.run_file,
                                        "--out",
                                        folder,
                                        "--json"};
  for (const std::string& text : run.overrides) {
    arguments.insert(arguments.end(), {"--set", text});
  }
  ASSIGN_OR_RETURN(ChildProcess process,
                   ChildProcess::Start(arguments, folder + "/sweep.log", true));
  running_.push_back({std::move(run), std::move(process), RunView(absl::Now())});
  return absl::OkStatus();
}

void Sweeper::Follow(const std::vector<std::string>& lines, Job* job) {
  for (const std::string& line : lines) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_object()) job->view.Apply(event);
  }
}

void Sweeper::Tell(const SweepRun& run, const std::string& what, nlohmann::json event) {
  if (!json_) {
    screen_.Print(absl::StrFormat("[%d/%d] %s, seed %d: %s", results_.size() + failed_, total_,
                                  run.row, run.seed, what));
    return;
  }
  event["row"] = run.row;
  event["seed"] = run.seed;
  std::cout << event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

bool Sweeper::Reap(Job* job) {
  const std::optional<int> code = job->process.Poll();
  if (!code.has_value()) return false;
  Follow(job->process.ReadRest(), job);  // what it printed between the last look and its end
  const std::string folder = FolderOfRun(job->run);
  absl::StatusOr<nlohmann::json> result = ReadResult(folder);
  if (result.ok()) {
    const std::string metrics = MetricsInShort(result->value("tasks", nlohmann::json::object()));
    results_.emplace_back(job->run.folder, *result);
    Tell(job->run, metrics, {{"kind", "run_finished"}, {"result", *std::move(result)}});
  } else if (*code != kExitDone && !(told_to_stop_ && *code == 128 + SIGTERM)) {
    ++failed_;
    const std::string reason =
        absl::StrCat("failed (exit code ", *code, "): ", job->view.error(),
                     job->view.error().empty() ? "see " : "; see ", folder, "/sweep.log");
    Tell(job->run, reason, {{"kind", "run_failed"}, {"reason", reason}});
  }
  return true;
}

void Sweeper::Paint() {
  if (!screen_.terminal()) return;
  std::vector<std::string> lines = {
      absl::StrFormat("%d of %d runs done, %d failed", results_.size(), total_, failed_)};
  for (const Job& job : running_) {
    lines.push_back(absl::StrCat("  ", job.run.row, ", seed ", job.run.seed, ": ",
                                 job.view.Lines(absl::Now()).front()));
  }
  screen_.Paint(lines);
}

absl::Status Sweeper::Run(const std::atomic<bool>& stopping) {
  while (!running_.empty() || (!waiting_.empty() && !stopping)) {
    while (!stopping && running_.size() < jobs_ && !waiting_.empty()) {
      RETURN_IF_ERROR(StartNext());
    }
    if (stopping && !std::exchange(told_to_stop_, true)) {
      for (Job& job : running_) job.process.Signal(SIGTERM);
    }
    for (Job& job : running_) Follow(job.process.ReadLines(0), &job);
    running_.remove_if([this](Job& job) { return Reap(&job); });
    Paint();
    std::this_thread::sleep_for(std::chrono::milliseconds(kTurn));
  }
  screen_.Release();
  return absl::OkStatus();
}

absl::Status Sweeper::Finish(bool stopped) {
  const nlohmann::json summary = SweepSummary(sweep_, results_);
  RETURN_IF_ERROR(WriteFileAtomically(out_ + "/summary.json", summary.dump(2) + "\n"));
  if (json_) {
    std::cout << nlohmann::json({{"kind", "sweep_finished"}, {"summary", summary}}).dump()
              << std::endl;
  } else {
    std::cout << "\n" << SweepTable(summary) << "summary " << out_ << "/summary.json" << std::endl;
    if (stopped) std::cout << "stopped; the same command goes on" << std::endl;
  }
  if (failed_ == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(failed_, " of ", total_, " runs failed; the same command tries them again"));
}

}  // namespace

void AddSweepFlags(CLI::App* app, SweepCommand* command) {
  app->add_option("sweep_file", command->sweep_file, "sweep file (TOML)")->required();
  app->add_option("--out", command->out, "folder of the runs; by default out/<sweep file's name>");
  app->add_option("--jobs", command->jobs, "runs side by side, in place of the sweep file's")
      ->check(CLI::Range(1, 1024));
  app->add_flag("--json", command->json, "print a JSON object for each run that ends");
}

absl::Status RunSweep(const SweepCommand& command) {
  BlockStopSignals();
  ASSIGN_OR_RETURN(Sweep sweep, LoadSweep(command.sweep_file));
  const int half = static_cast<int>(std::thread::hardware_concurrency() / 2);
  int jobs = command.jobs > 0 ? command.jobs : sweep.jobs;
  if (jobs == 0) jobs = std::max(1, half);
  const std::string out = !command.out.empty()
                              ? command.out
                              : absl::StrCat("out/", fs::path(command.sweep_file).stem().string());
  RETURN_IF_ERROR(EnsureWritableFolder(out));
  std::atomic<bool> stopping = false;
  const StopSignal stop([&](const std::string&) { stopping = true; });
  Sweeper sweeper(std::move(sweep), out, jobs, command.json);
  RETURN_IF_ERROR(sweeper.Plan());
  RETURN_IF_ERROR(sweeper.Run(stopping));
  return sweeper.Finish(stopping);
}

}  // namespace tributary
