#include "client/daemon/options.h"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/host_port.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/rpc/protocol.h"

namespace tributary {
namespace {

constexpr int kMostThreads = 1024;
constexpr double kMostSeconds = 366 * 86400;

struct Seconds {
  double connect = 600;
  double reconnect = 86400;
};

void Declare(ClientOptions* options, Seconds* seconds, CLI::App* app) {
  app->set_version_flag("--version", std::string("tributary-client ") + kSoftwareVersion);
  app->add_option("--server", options->server, "Coordinator's address, HOST:PORT")
      ->envname("TRIBUTARY_SERVER")
      ->required();
  app->add_option("--data", options->data, "Folder made by `tributary prepare`; holds train.shard")
      ->envname("TRIBUTARY_DATA")
      ->required();
  app->add_option(
         "--test", options->test,
         "Folder with the test.shard to evaluate on; by default that of --data, if it has one")
      ->envname("TRIBUTARY_TEST");
  app->add_option("--public", options->public_set,
                  "Folder with the train.shard of the run's public set, if its method has one")
      ->envname("TRIBUTARY_PUBLIC");
  app->add_option("--state", options->state, "Folder for what outlives a restart; made if missing")
      ->envname("TRIBUTARY_STATE")
      ->required();
  app->add_option("--name", options->name, "This client's name, unique in the run")
      ->envname("TRIBUTARY_NAME")
      ->required();
  app->add_option("--device", options->device, "cpu, cuda, cuda:N or auto")
      ->envname("TRIBUTARY_DEVICE")
      ->capture_default_str();
  app->add_option("--threads", options->threads, "CPU threads; 0: all cores")
      ->envname("TRIBUTARY_THREADS")
      ->check(CLI::Range(0, kMostThreads))
      ->capture_default_str();
  app->add_option("--loader-threads", options->loader_threads,
                  "Threads that decode and augment images beside them; 0: half of the cores")
      ->envname("TRIBUTARY_LOADER_THREADS")
      ->check(CLI::Range(0, kMostThreads))
      ->capture_default_str();
  app->add_option("--vocabulary", options->vocabulary,
                  "BERT vocabulary; default: the one that ships")
      ->envname("TRIBUTARY_VOCABULARY");
  app->add_option("--tls-cert", options->tls.certificate, "This client's certificate, PEM")
      ->envname("TRIBUTARY_TLS_CERT");
  app->add_option("--tls-key", options->tls.key, "Its private key, PEM")
      ->envname("TRIBUTARY_TLS_KEY");
  app->add_option("--tls-ca", options->tls.authority, "The authority's certificate, PEM")
      ->envname("TRIBUTARY_TLS_CA");
  app->add_flag("--insecure", options->tls.insecure, "Plain text beyond the loopback")
      ->envname("TRIBUTARY_INSECURE");
  app->add_flag("--json", options->json, "Log lines as JSON objects")->envname("TRIBUTARY_JSON");
  app->add_flag("--stay", options->stay,
                "Wait for the coordinator's next run after each, and join new runs by itself")
      ->envname("TRIBUTARY_STAY");
  app->add_option("--connect-timeout", seconds->connect,
                  "Seconds until the first session, at most; with --stay, unless given: no limit")
      ->envname("TRIBUTARY_CONNECT_TIMEOUT")
      ->capture_default_str();
  app->add_option("--reconnect-timeout", seconds->reconnect,
                  "Seconds without a coordinator, once attended, at most; with --stay, unless "
                  "given: no limit")
      ->envname("TRIBUTARY_RECONNECT_TIMEOUT")
      ->capture_default_str();
}

// Checked here, because CLI11's range check accepts NaN.
absl::Status CheckSeconds(const char* flag, double seconds) {
  if (seconds > 0 && seconds <= kMostSeconds) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " is ", seconds, ", expected seconds above 0 and up to ", kMostSeconds));
}

}  // namespace

absl::StatusOr<std::optional<ClientOptions>> ParseClientOptions(int argc, const char* const* argv) {
  ClientOptions options;
  Seconds seconds;
  CLI::App app("Trains on data that stay here, in a federation that a coordinator leads.",
               "tributary-client");
  Declare(&options, &seconds, &app);
  app.footer(
      "Each flag can be given as an environment variable: --tls-cert as TRIBUTARY_TLS_CERT.\n"
      "Exit codes: 0 the run is finished or the client was stopped, 1 failed (no coordinator),\n"
      "2 wrong use, 3 data or state unusable or refused, 4 not permitted. With --stay, a finished\n"
      "run and a refusal are waited out.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    app.exit(asked, std::cout, std::cout);
    return std::optional<ClientOptions>();
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), " (--help shows the flags)"));
  }
  RETURN_IF_ERROR(Annotate(CheckHostPort(options.server, 1), "--server"));
  RETURN_IF_ERROR(CheckClientName(options.name));
  RETURN_IF_ERROR(CheckSeconds("--connect-timeout", seconds.connect));
  RETURN_IF_ERROR(CheckSeconds("--reconnect-timeout", seconds.reconnect));
  options.connect_timeout = absl::Seconds(seconds.connect);
  options.reconnect_timeout = absl::Seconds(seconds.reconnect);
  if (options.stay && app.count("--connect-timeout") == 0) {
    options.connect_timeout = absl::InfiniteDuration();
  }
  if (options.stay && app.count("--reconnect-timeout") == 0) {
    options.reconnect_timeout = absl::InfiniteDuration();
  }
  if (options.threads == 0) {
    options.threads = CoreCount();
  }
  if (options.loader_threads == 0) options.loader_threads = std::max(1, CoreCount() / 2);
  return options;
}

}  // namespace tributary
