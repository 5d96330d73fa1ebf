// `tributary bench`: what moving and merging weights costs on this machine.
//
//   wire      a real coordinator and client processes that train nothing, and the machine's limits
//   attend    many clients in one process, for a coordinator that is already there
//   coordinator, raw-server, raw-client    hidden: the processes that `wire` starts
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct WireSize {
  double megabytes = 220;  // of the model, in units of 10^6 bytes
  int tensors = 300;
  int clients = 8;  // sampled in each round
  int rounds = 5;
};

struct BenchCommand {
  WireSize size;
  std::string codec = "f32";
  std::string delta = "auto";  // codec of differences in downloads, none, or auto: see --help
  int attending = 0;           // clients that attend; 0: as many as are sampled
  int processes = 0;           // processes that the clients share; 0: one each
  std::string out;             // folder for state and logs; empty: a temporary one
  bool raw = true;             // measure the machine's limits too
  bool json = false;

  // attend
  std::string server;
  std::string prefix = "load";
  std::string dataset = "synthetic";
  std::string modality = "image";
  uint32_t classes = 2, image_size = 32, channels = 3;
  std::string vocabulary;
  std::string tls_ca, tls_cert, tls_key;
  bool insecure = false;
  int threads = 0;
  double seconds = 0;  // 0: until the run is over

  CLI::App *wire = nullptr, *attend = nullptr, *coordinator = nullptr, *raw_server = nullptr,
           *raw_client = nullptr;
};

void AddBenchFlags(CLI::App* app, BenchCommand* command);
absl::Status RunBench(const BenchCommand& command);

// One subcommand each, in a file of its own.
absl::Status RunWire(const BenchCommand& command);
absl::Status RunAttend(const BenchCommand& command);
absl::Status RunBenchCoordinator(const BenchCommand& command);

}  // namespace tributary
