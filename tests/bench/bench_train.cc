// Trains a run file's federation in one process, without a wire: for tuning and for timing.
//
//   bench_train RUN.toml [--set key=value ...] [--central] [--workers 2] [--assets ...]
//
// Prints one line per evaluated round: seconds of computation so far over all clients, losses,
// recall and accuracies; at the end the models' hash and samples per second and
// thread by kind of client. --central
// trains one client per dataset that holds all its data: what federation is compared with. Weights
// move as float32; everything else is as in the run.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "absl/time/clock.h"
#include "server/method/method_table.h"
#include "tests/bench/simulation.h"

namespace tributary {
namespace {

void PrintRound(const Simulation& simulation, const RoundOutcome& round, double wall) {
  std::printf("round %3d  wall %6.1f s  cpu %7.1f s", round.round, wall, round.cpu_seconds);
  for (const auto& [name, loss] : round.loss) std::printf("  %s %.3f", name.c_str(), loss);
  for (const auto& [name, task] : round.tasks.items()) {
    if (task["kind"] == "retrieval") {
      std::printf("  | %s R@1 sum %.2f (i2t %.2f t2i %.2f, R@10 %.1f %.1f; chance %.2f)",
                  name.c_str(), task["r1_sum"].get<double>(), task["i2t"]["r1"].get<double>(),
                  task["t2i"]["r1"].get<double>(), task["i2t"]["r10"].get<double>(),
                  task["t2i"]["r10"].get<double>(), task["chance_r1_sum"].get<double>());
    } else {
      std::printf("  | %s %.2f", name.c_str(), task["accuracy"].get<double>());
    }
  }
  std::printf("\n");
  if (round.round == simulation.config().rounds) {
    std::printf("model hash %s\n", simulation.Hash().c_str());
    for (const auto& [name, rate] : simulation.SamplesPerSecond()) {
      std::printf("%s: %.0f samples per second and thread\n", name.c_str(), rate);
    }
  }
  std::fflush(stdout);
}

absl::Status Run(const std::string& file, const std::vector<std::string>& overrides,
                 const SimulationOptions& options) {
  ASSIGN_OR_RETURN(const RunConfig config, LoadRunConfig(file, Methods(), overrides));
  ASSIGN_OR_RETURN(const std::unique_ptr<Simulation> simulation,
                   Simulation::Create(config, options));
  const absl::Time start = absl::Now();
  for (int round = 1; round <= config.rounds; ++round) {
    ASSIGN_OR_RETURN(const RoundOutcome outcome, simulation->RunRound(round));
    if (outcome.tasks.empty()) continue;
    PrintRound(*simulation, outcome, absl::ToDoubleSeconds(absl::Now() - start));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  CLI::App app("Trains a run file's federation in one process, for tuning and timing.");
  std::string file;
  std::vector<std::string> overrides;
  tributary::SimulationOptions options;
  app.add_option("run", file, "run file")->required();
  app.add_option("--set", overrides, "key=value, as in tributary run");
  app.add_flag("--central", options.central, "one client per dataset, with all its data");
  app.add_option("--workers", options.workers, "clients that train at the same time");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = tributary::Run(file, overrides, options);
  if (!status.ok()) std::fprintf(stderr, "bench_train: %s\n", status.ToString().c_str());
  return tributary::ExitCodeFor(status);
}
