// `tributary bench wire`: starts the processes, follows their events, and prints what they took.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <time.h>
#include <unistd.h>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "tool/bench/bench_command.h"
#include "tool/bench/machine_limits.h"
#include "tool/run/child_process.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr int kTurn = 100;  // milliseconds
constexpr absl::Duration kSilence = absl::Minutes(10);

struct Range {
  double least = 0, median = 0, most = 0;
};

Range RangeOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

nlohmann::json ToJson(const Range& range) {
  return {{"min", range.least}, {"median", range.median}, {"max", range.most}};
}

// The highest resident size of a process so far, in bytes; 0 if it is gone.
int64_t PeakBytes(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    int64_t kilobytes = 0;
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "VmHWM:")) continue;
    if (absl::SimpleAtoi(absl::StripSuffix(rest, "kB"), &kilobytes)) return kilobytes * 1024;
  }
  return 0;
}

// Processor time of a process so far, all its threads; 0 if it is gone.
double CpuSeconds(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return absl::ToDoubleSeconds(absl::DurationFromTimespec(time));
}

std::string ProcessProgram() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "tributary-bench-process").string();
}

std::vector<std::string> SizeFlags(const WireSize& size) {
  return {"--mb",      absl::StrCat(size.megabytes), "--tensors", absl::StrCat(size.tensors),
          "--clients", absl::StrCat(size.clients),   "--rounds",  absl::StrCat(size.rounds)};
}

// Where the coordinator keeps its models.
std::string StateFolder(const std::string& folder) { return folder + "/state"; }

// A process of the benchmark and what it prints.
class Member {
 public:
  static absl::StatusOr<Member> Start(std::vector<std::string> arguments, const std::string& log,
                                      bool piped) {
    arguments.insert(arguments.begin(), ProcessProgram());
    ASSIGN_OR_RETURN(ChildProcess process, ChildProcess::Start(arguments, log, piped));
    return Member(std::move(process), log);
  }

  // Its next line as JSON. Unavailable if it ends or says nothing for too long before.
  absl::StatusOr<nlohmann::json> Next() {
    const absl::Time deadline = absl::Now() + kSilence;
    while (lines_.empty()) {
      std::vector<std::string> lines = process_.ReadLines(kTurn);
      lines_.insert(lines_.end(), lines.begin(), lines.end());
      peak_ = std::max(peak_, PeakBytes(process_.pid()));
      if (!lines_.empty()) break;
      if (const std::optional<int> code = process_.Poll()) {
        return absl::UnavailableError(absl::StrCat(
            "a process of the benchmark ended with exit code ", *code, "; see ", log_));
      }
      if (absl::Now() > deadline) {
        return absl::UnavailableError(absl::StrCat("a process of the benchmark said nothing for ",
                                                   absl::FormatDuration(kSilence), "; see ", log_));
      }
    }
    const nlohmann::json line = nlohmann::json::parse(lines_.front(), nullptr, false);
    lines_.erase(lines_.begin());
    return line;
  }

  int64_t peak_bytes() const { return peak_; }
  double cpu_seconds() const { return CpuSeconds(process_.pid()); }

 private:
  Member(ChildProcess process, std::string log)
      : process_(std::move(process)), log_(std::move(log)) {}

  ChildProcess process_;
  std::string log_;
  std::vector<std::string> lines_;
  int64_t peak_ = 0;
};

// Processor time of all cores together.
struct CpuTime {
  double coordinator = 0;
  double clients = 0;  // of the load generator; real clients bring their own processors
};

CpuTime CpuTimeOf(const Member& coordinator, const std::vector<Member>& clients) {
  CpuTime time{.coordinator = coordinator.cpu_seconds()};
  for (const Member& client : clients) time.clients += client.cpu_seconds();
  return time;
}

struct Measured {
  std::vector<double> seconds;      // of each round
  std::vector<CpuTime> cpu;         // of each round
  std::vector<double> raw_seconds;  // of each raw round
  std::vector<nlohmann::json> stages;
  std::vector<int64_t> up, down;
  int64_t model_bytes = 0;
  int64_t peak_bytes = 0;
  int clients_lost = 0;
  MachineLimits limits;
};

absl::Status MeasureRaw(const BenchCommand& command, const std::string& folder,
                        Measured* measured) {
  std::vector<std::string> arguments = {"raw-server"};
  const std::vector<std::string> size = SizeFlags(command.size);
  arguments.insert(arguments.end(), size.begin(), size.end());
  ASSIGN_OR_RETURN(Member server, Member::Start(arguments, folder + "/raw-server.log", true));
  ASSIGN_OR_RETURN(const nlohmann::json listening, server.Next());
  std::vector<Member> clients;
  for (int i = 0; i < command.size.clients; ++i) {
    arguments = {"raw-client", "--server", listening.value("address", "")};
    arguments.insert(arguments.end(), size.begin(), size.end());
    ASSIGN_OR_RETURN(Member client, Member::Start(arguments, folder + "/raw-clients.log", false));
    clients.push_back(std::move(client));
  }
  for (int i = 0; i < command.size.rounds; ++i) {
    ASSIGN_OR_RETURN(const nlohmann::json round, server.Next());
    measured->raw_seconds.push_back(round.value("seconds", 0.0));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Member>> StartClients(const BenchCommand& command,
                                                 const std::string& folder,
                                                 const std::string& address) {
  const int attending = std::max(command.attending, command.size.clients);
  const int processes = std::min(command.processes > 0 ? command.processes : attending, attending);
  std::vector<Member> clients;
  for (int i = 0; i < processes; ++i) {
    // Differences of rounded-down multiples: the shares differ by one at most and add up to the
    // total.
    const int share = attending * (i + 1) / processes - attending * i / processes;
    ASSIGN_OR_RETURN(Member client,
                     Member::Start({"attend", "--server", address, "--clients", absl::StrCat(share),
                                    "--prefix", absl::StrFormat("load-%03d", i), "--json"},
                                   absl::StrFormat("%s/client-%03d.log", folder, i), false));
    clients.push_back(std::move(client));
  }
  return clients;
}

void PrintRound(const BenchCommand& command, const Measured& measured) {
  const size_t last = measured.seconds.size() - 1;
  if (command.json) {
    std::cout << nlohmann::json({{"kind", "round"},
                                 {"round", last + 1},
                                 {"seconds", measured.seconds[last]},
                                 {"bytes_up", measured.up[last]},
                                 {"bytes_down", measured.down[last]},
                                 {"coordinator_cpu_seconds", measured.cpu[last].coordinator},
                                 {"clients_cpu_seconds", measured.cpu[last].clients},
                                 {"stages", measured.stages[last]}})
                     .dump()
              << std::endl;
    return;
  }
  std::cout << absl::StrFormat("round %d  %.3f s  up %.1f MB  down %.1f MB\n", last + 1,
                               measured.seconds[last], static_cast<double>(measured.up[last]) / 1e6,
                               static_cast<double>(measured.down[last]) / 1e6)
            << std::flush;
}

absl::Status MeasureRounds(const BenchCommand& command, const std::string& folder,
                           Measured* measured) {
  std::vector<std::string> arguments = {"coordinator", "--out", StateFolder(folder)};
  const std::vector<std::string> size = SizeFlags(command.size);
  arguments.insert(arguments.end(), size.begin(), size.end());
  for (const auto& [flag, value] :
       {std::pair("--codec", command.codec), std::pair("--delta", command.delta),
        std::pair("--attending", absl::StrCat(command.attending))}) {
    arguments.insert(arguments.end(), {flag, value});
  }
  ASSIGN_OR_RETURN(Member coordinator, Member::Start(arguments, folder + "/coordinator.log", true));
  std::vector<Member> clients;
  const auto rounds_left = [&] {
    return measured->seconds.size() < static_cast<size_t>(command.size.rounds);
  };
  CpuTime before;
  while (true) {
    ASSIGN_OR_RETURN(const nlohmann::json event, coordinator.Next());
    const std::string kind = event.value("kind", "");
    const nlohmann::json data = event.value("data", nlohmann::json::object());
    if (kind == "listening") {
      ASSIGN_OR_RETURN(clients, StartClients(command, folder, data.value("address", "")));
    } else if (kind == "client_left" && rounds_left()) {
      // Where all clients are sampled, a round waits for a lost one until its deadline and measures
      // nothing. Where more attend than are sampled, losses are counted.
      ++measured->clients_lost;
      if (command.attending <= command.size.clients) {
        return absl::InternalError(absl::StrCat("the round waits for a client that is gone: ",
                                                event.value("message", "")));
      }
    } else if (kind == "round_started") {
      before = CpuTimeOf(coordinator, clients);
    } else if (kind == "round_committed") {
      const CpuTime after = CpuTimeOf(coordinator, clients);
      measured->cpu.push_back(
          {after.coordinator - before.coordinator, after.clients - before.clients});
      measured->seconds.push_back(data.value("seconds", 0.0));
      measured->up.push_back(data.value("bytes_up", int64_t{0}));
      measured->down.push_back(data.value("bytes_down", int64_t{0}));
      measured->stages.push_back(data.value("stages", nlohmann::json::object()));
      measured->peak_bytes = std::max(measured->peak_bytes, coordinator.peak_bytes());
      PrintRound(command, *measured);
    } else if (kind == "run_finished") {
      return absl::OkStatus();
    } else if (kind == "error" || kind == "run_failed") {
      return absl::InternalError(
          absl::StrCat("the coordinator failed: ", event.value("message", "")));
    }
  }
}

absl::StatusOr<Measured> Measure(const BenchCommand& command, const std::string& folder) {
  Measured measured;
  measured.model_bytes = static_cast<int64_t>(command.size.megabytes * 1e6);
  if (command.raw) {
    measured.limits = MeasureLimits(std::min<int64_t>(measured.model_bytes, 256 << 20));
    RETURN_IF_ERROR(MeasureRaw(command, folder, &measured));
  }
  RETURN_IF_ERROR(MeasureRounds(command, folder, &measured));
  if (measured.seconds.empty()) return absl::InternalError("the coordinator committed no round");
  return measured;
}

double MedianCpu(const std::vector<CpuTime>& rounds, double CpuTime::*whose) {
  std::vector<double> seconds;
  seconds.reserve(rounds.size());
  for (const CpuTime& round : rounds) seconds.push_back(round.*whose);
  return RangeOf(std::move(seconds)).median;
}

// Means over the rounds.
nlohmann::json MeanStages(const std::vector<nlohmann::json>& rounds) {
  nlohmann::json means = nlohmann::json::object();
  for (const nlohmann::json& round : rounds) {
    for (const auto& [stage, seconds] : round.items()) {
      means[stage] =
          means.value(stage, 0.0) + seconds.get<double>() / static_cast<double>(rounds.size());
    }
  }
  return means;
}

nlohmann::json Summary(const BenchCommand& command, const Measured& measured) {
  const Range seconds = RangeOf(measured.seconds), raw = RangeOf(measured.raw_seconds);
  const double moved =
      static_cast<double>(std::accumulate(measured.up.begin(), measured.up.end(), int64_t{0}) +
                          std::accumulate(measured.down.begin(), measured.down.end(), int64_t{0})) /
      static_cast<double>(measured.seconds.size());
  nlohmann::json summary = {
      {"kind", "wire"},
      {"codec", command.codec},
      {"mb", command.size.megabytes},
      {"tensors", command.size.tensors},
      {"clients", command.size.clients},
      {"attending", std::max(command.attending, command.size.clients)},
      {"rounds", command.size.rounds},
      {"seconds_per_round", measured.seconds},
      {"seconds", ToJson(seconds)},
      {"bytes_up", measured.up.back()},
      {"bytes_down", measured.down.back()},
      {"mb_per_second", moved / 1e6 / seconds.median},
      {"model_bytes", measured.model_bytes},
      {"server_peak_rss_bytes", measured.peak_bytes},
      {"server_peak_rss_models",
       static_cast<double>(measured.peak_bytes) / static_cast<double>(measured.model_bytes)},
      {"coordinator_cpu_seconds", MedianCpu(measured.cpu, &CpuTime::coordinator)},
      {"clients_cpu_seconds", MedianCpu(measured.cpu, &CpuTime::clients)},
      {"clients_lost", measured.clients_lost},
      {"stages", MeanStages(measured.stages)}};
  if (measured.raw_seconds.empty()) return summary;
  summary["raw_stream_seconds"] = raw.median;
  summary["raw_stream"] = ToJson(raw);
  summary["of_raw_stream"] = raw.median / seconds.median;
  summary["memcpy_gbps"] = measured.limits.memcpy_gbps;
  summary["weighted_sum_gbps"] = measured.limits.weighted_sum_gbps;
  summary["accumulate_gbps"] = measured.limits.accumulate_gbps;
  summary["accumulate_of_weighted_sum"] =
      measured.limits.accumulate_gbps / measured.limits.weighted_sum_gbps;
  return summary;
}

void PrintSummary(const nlohmann::json& summary) {
  const auto number = [&](const char* key) { return summary.value(key, 0.0); };
  const nlohmann::json& seconds = summary["seconds"];
  std::cout << absl::StrFormat(
      "\n%.0f MB in %d tensors, %d of %d clients, %s\n"
      "seconds a round    %.3f (%.3f - %.3f), %.0f MB/s\n"
      "processor seconds  coordinator %.3f, all clients %.3f\n"
      "coordinator peak   %.0f MB, %.2f times the model\n",
      number("mb"), summary.value("tensors", 0), summary.value("clients", 0),
      summary.value("attending", 0), summary.value("codec", ""), seconds.value("median", 0.0),
      seconds.value("min", 0.0), seconds.value("max", 0.0), number("mb_per_second"),
      number("coordinator_cpu_seconds"), number("clients_cpu_seconds"),
      number("server_peak_rss_bytes") / 1e6, number("server_peak_rss_models"));
  std::cout << "stages, seconds   ";
  for (const auto& [stage, value] : summary["stages"].items()) {
    std::cout << absl::StrFormat(" %s %.3f", stage, value.get<double>());
  }
  std::cout << "\n                   (send, receive: from first to last; decode, accumulate: all "
               "threads together)\n";
  if (!summary.contains("raw_stream_seconds")) return;
  std::cout << absl::StrFormat(
      "plain gRPC streams %.3f s (%.3f - %.3f) for the model as f32: a round reaches %.0f %% of "
      "that\n"
      "memory, GB/s       memcpy %.1f, weighted sum %.1f, exact sum %.1f (%.0f %% of a weighted "
      "sum)\n",
      number("raw_stream_seconds"), summary["raw_stream"].value("min", 0.0),
      summary["raw_stream"].value("max", 0.0), 100 * number("of_raw_stream"), number("memcpy_gbps"),
      number("weighted_sum_gbps"), number("accumulate_gbps"),
      100 * number("accumulate_of_weighted_sum"));
}

}  // namespace

absl::Status RunWire(const BenchCommand& command) {
  std::error_code error;
  std::string folder = command.out;
  if (folder.empty()) {
    folder = absl::StrCat(fs::temp_directory_path(error).string(), "/tributary-bench-", getpid());
  }
  fs::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot create ", folder));
  const absl::StatusOr<Measured> measured = Measure(command, folder);
  // After a failure the logs stay, since the message names one; the models are deleted.
  if (command.out.empty()) {
    fs::remove_all(measured.ok() ? folder : StateFolder(folder), error);
  }
  RETURN_IF_ERROR(measured.status());
  const nlohmann::json summary = Summary(command, *measured);
  if (command.json) {
    std::cout << summary.dump() << std::endl;
  } else {
    PrintSummary(summary);
  }
  return absl::OkStatus();
}

}  // namespace tributary
