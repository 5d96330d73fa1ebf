#include "tool/bench/bench_command.h"

#include <array>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/config/choices.h"
#include "tool/bench/raw_stream.h"

namespace tributary {
namespace {

void AddSize(CLI::App* app, WireSize* size) {
  app->add_option("--mb", size->megabytes, "size of the model in MB (10^6 bytes)")
      ->check(CLI::Range(0.5, 100'000.0));
  app->add_option("--tensors", size->tensors, "tensors of the model")
      ->check(CLI::Range(2, 100'000));
  app->add_option("--clients", size->clients, "clients in a round")->check(CLI::Range(1, 10'000));
  app->add_option("--rounds", size->rounds, "rounds")->check(CLI::Range(1, 100'000));
}

// The words of a run file's choices, behind those that only the flag has.
template <typename T, size_t size>
CLI::IsMember OneOf(const std::array<Choice<T>, size>& choices,
                    std::vector<std::string> words = {}) {
  for (const Choice<T>& choice : choices) words.emplace_back(choice.word);
  return CLI::IsMember(std::move(words));
}

void AddCodec(CLI::App* app, BenchCommand* command) {
  app->add_option("--codec", command->codec,
                  "of updates; f32 also sends the model as f32, others as f16")
      ->check(OneOf(kCodecWords));
  app->add_option(
         "--delta", command->delta,
         "codec of differences to clients that hold the last model, none, or auto: none for "
         "f32, int8-block for others")
      ->check(OneOf(kDeltaCodecWords, {"auto"}));
  app->add_option("--attending", command->attending,
                  "clients that attend; by default those of a round");
}

void Print(const nlohmann::json& line) { std::cout << line.dump() << std::endl; }

absl::Status RunRawServer(const BenchCommand& command) {
  return ServeRawStreams(
      command.size.clients, command.size.rounds, static_cast<int64_t>(command.size.megabytes * 1e6),
      [](const std::string& address) {
        Print({{"kind", "listening"}, {"address", address}});
      },
      [](double seconds) {
        Print({{"kind", "round"}, {"seconds", seconds}});
      });
}

}  // namespace

void AddBenchFlags(CLI::App* app, BenchCommand* command) {
  app->require_subcommand(1);
  command->wire = app->add_subcommand(
      "wire",
      "rounds of a real coordinator and clients that train nothing, beside the machine's limits");
  AddSize(command->wire, &command->size);
  AddCodec(command->wire, command);
  command->wire->add_option("--processes", command->processes,
                            "processes that the clients are spread over; by default one each");
  command->wire->add_option("--out", command->out, "folder to keep state and logs in");
  command->wire->add_flag("!--no-raw", command->raw, "do not measure the machine's limits");
  command->wire->add_flag("--json", command->json,
                          "one JSON object for each round, and one at the end");

  command->attend = app->add_subcommand(
      "attend", "attend a running coordinator with many clients that train nothing");
  command->attend->add_option("--server", command->server, "HOST:PORT of the coordinator")
      ->required();
  command->attend->add_option("--clients", command->size.clients, "how many")
      ->check(CLI::Range(1, 100'000));
  command->attend->add_option("--prefix", command->prefix, "of the clients' names");
  command->attend->add_option("--dataset", command->dataset, "that they claim to hold");
  command->attend->add_option("--modality", command->modality, "of the dataset")
      ->check(CLI::IsMember({"image", "text", "pair"}));
  command->attend->add_option("--classes", command->classes, "of the dataset");
  command->attend->add_option("--image-size", command->image_size, "of its images");
  command->attend->add_option("--channels", command->channels, "of its images");
  command->attend->add_option("--vocabulary", command->vocabulary, "vocabulary file of the run");
  command->attend->add_option("--threads", command->threads,
                              "that move weights; by default as many as cores");
  command->attend->add_option("--seconds", command->seconds,
                              "how long; by default until the run is over");
  command->attend->add_option("--tls-ca", command->tls_ca, "authority's certificate");
  command->attend->add_option("--tls-cert", command->tls_cert, "client's certificate");
  command->attend->add_option("--tls-key", command->tls_key, "client's key");
  command->attend->add_flag("--insecure", command->insecure, "plain text beyond the loopback");
  command->attend->add_flag("--json", command->json, "JSON lines");

  command->coordinator = app->add_subcommand("coordinator", "")->group("");
  AddSize(command->coordinator, &command->size);
  AddCodec(command->coordinator, command);
  command->coordinator->add_option("--out", command->out, "")->required();
  command->raw_server = app->add_subcommand("raw-server", "")->group("");
  AddSize(command->raw_server, &command->size);
  command->raw_client = app->add_subcommand("raw-client", "")->group("");
  AddSize(command->raw_client, &command->size);
  command->raw_client->add_option("--server", command->server, "")->required();
}

absl::Status RunBench(const BenchCommand& command) {
  if (command.attend->parsed()) return RunAttend(command);
  if (command.coordinator->parsed()) return RunBenchCoordinator(command);
  if (command.raw_server->parsed()) return RunRawServer(command);
  if (command.raw_client->parsed()) {
    return RunRawClient(command.server, command.size.rounds,
                        static_cast<int64_t>(command.size.megabytes * 1e6));
  }
  return RunWire(command);
}

}  // namespace tributary
