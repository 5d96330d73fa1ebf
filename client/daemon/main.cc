// tributary-client: the daemon beside the data. It dials the coordinator, trains, uploads, waits.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "client/daemon/client_data.h"
#include "client/daemon/daemon.h"
#include "client/daemon/local_task_trainer.h"
#include "client/daemon/log.h"
#include "client/daemon/options.h"
#include "client/daemon/state_folder.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/base/version.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/proxy.h"

namespace tributary {
namespace {

// How long a stop may take: a step of training, a last message, closing files.
constexpr absl::Duration kStopPatience = absl::Seconds(10);

absl::Status Serve(const ClientOptions& options, const std::shared_ptr<spdlog::logger>& log) {
  ASSIGN_OR_RETURN(const auto credentials, MakeChannelCredentials(options.tls, options.server));
  ASSIGN_OR_RETURN(ClientData data, OpenClientData({.folder = options.data,
                                                    .test = options.test,
                                                    .public_set = options.public_set,
                                                    .vocabulary = options.vocabulary}));
  ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open(options.state));
  ASSIGN_OR_RETURN(const std::string device, ResolveDevice(options.device));

  DaemonSetting setting;
  setting.address = options.server;
  setting.card.name = options.name;
  setting.card.modality = data.shard->info().modality;
  setting.card.data = CardOf(data);
  setting.card.device = device;
  if (data.tokenizer != nullptr) setting.card.vocabulary = data.tokenizer->digest();
  if (data.public_set != nullptr) setting.card.public_set = data.public_set->digest();
  setting.threads = options.threads;
  setting.stay = options.stay;
  setting.timings.connect = options.connect_timeout;
  setting.timings.reconnect = options.reconnect_timeout;
  setting.log = log;
  log->info("version {}: {} {} samples of {}, device {}, {} threads; coordinator {}",
            kSoftwareVersion, setting.card.data.samples(),
            std::string(ModalityName(setting.card.modality)), setting.card.data.dataset(), device,
            options.threads, options.server);
  if (const std::optional<Proxy> proxy = ProxyFor(options.server)) {
    log->info(
        "the coordinator is reached through the proxy {} (environment variable {}); list {} in "
        "no_proxy for a direct connection",
        proxy->address, proxy->variable, options.server.substr(0, options.server.rfind(':')));
  }

  Daemon daemon(
      std::move(setting), [&] { return MakeChannel(options.server, credentials); },
      LocalTrainers(std::move(data), options.name, device, options.threads, options.loader_threads),
      &folder);
  absl::Notification over;
  const StopSignal signal([&](const std::string&) {
    daemon.Stop();
    // A step of a large model may take longer. Ending the process is safe: all files of the state
    // folder are written atomically, so that only the unfinished task is lost.
    if (!over.WaitForNotificationWithTimeout(kStopPatience)) std::_Exit(kExitDone);
  });
  absl::Status status = daemon.Run();
  over.Notify();
  return status;
}

int Main(int argc, const char* const* argv) {
  BlockStopSignals();
  // Without this, writing a log line to a closed pipe would kill the process in mid-training.
  std::signal(SIGPIPE, SIG_IGN);
  // gRPC would print lines of its own between ours. Its errors reach us as statuses. A value that
  // the user has set stays.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  const absl::StatusOr<std::optional<ClientOptions>> options = ParseClientOptions(argc, argv);
  if (!options.ok()) {
    std::cerr << "tributary-client: " << options.status().message() << "\n";
    return ExitCodeFor(options.status());
  }
  if (!options->has_value()) return kExitDone;
  const std::shared_ptr<spdlog::logger> log = MakeLog((*options)->name, (*options)->json);
  const absl::Status status = Serve(**options, log);
  if (!status.ok()) log->error(std::string(status.message()));
  return ExitCodeFor(status);
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) { return tributary::Main(argc, argv); }
