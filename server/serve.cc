#include "server/serve.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/process_limits.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "server/round/progress_throttle.h"
#include "server/round/run_events.h"
#include "server/round/run_identity.h"
#include "server/service/federation_service.h"
#include "server/service/operator_service.h"

namespace tributary {
namespace {

constexpr int kMostAdding = 4;  // updates at a time, each on all cores
constexpr absl::Duration kShutdown = absl::Seconds(2);

void PrintEvent(const RunEvent& event, bool json) {
  if (json) {
    std::cout << event.ToJson().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  } else {
    std::cout << absl::FormatTime("%Y-%m-%d %H:%M:%S ", absl::FromUnixMillis(event.unix_ms),
                                  absl::LocalTimeZone())
              << event.message << std::endl;
  }
}

class RunningServer {
 public:
  // Binds and serves. FailedPrecondition if the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<RunningServer>> Start(
      const RunConfig& config, const ServiceDependencies& dependencies) {
    ASSIGN_OR_RETURN(const auto credentials,
                     MakeServerCredentials(config.server.tls, config.server.listen));
    auto running = std::unique_ptr<RunningServer>(new RunningServer(dependencies));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(config.server.listen, credentials, &port);
    // Without this a second coordinator would share the port, and clients would reach either.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    ConfigureConnections(config.wire.keepalive, &builder);
    builder.RegisterService(&running->federation_);
    builder.RegisterService(&running->operator_);
    running->server_ = builder.BuildAndStart();
    if (running->server_ == nullptr || port == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot listen on ", config.server.listen,
          ": the address is in use or not one of this machine; free it, or give another "
          "with --listen"));
    }
    const std::string& listen = config.server.listen;
    running->address_ = absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
    return running;
  }

  ~RunningServer() {
    if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now() + kShutdown));
  }

  const std::string& address() const { return address_; }

 private:
  explicit RunningServer(const ServiceDependencies& dependencies)
      : federation_(dependencies, std::min(CoreCount(), kMostAdding)),
        operator_(dependencies, &SystemClock()) {}

  FederationService federation_;
  OperatorService operator_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

// Tells clients to come back later, where the run did not end by itself.
void SendAway(const ClientRegistry& registry, const std::string& reason) {
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_COORDINATOR_STOPS);
  message.mutable_shutdown()->set_message(reason);
  registry.SendToAll(message);
}

// Turns Run()'s end into the last event, and a stop into OK.
absl::Status End(const absl::Status& status, const ClientRegistry& registry, RunEvents* events) {
  if (status.ok()) return status;
  SendAway(registry, std::string(status.message()));
  return events->RunEnded(status);
}

}  // namespace

absl::Status Serve(ServePlan plan) {
  RaiseFileLimit();
  BoundAllocator();
  SkipDeadlockDetection();
  RunContext& context = plan.context;
  const RunConfig& config = context.config;
  ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store, RunStore::Open(plan.state));
  store->KeepCheckpoints(config.checkpoints.keep);
  ASSIGN_OR_RETURN(const std::optional<int> resumed, IdentifyRun(store.get(), &context));
  InitialModels initial;
  if (!resumed.has_value()) {
    ASSIGN_OR_RETURN(initial, plan.make_initial(context));
  }
  ASSIGN_OR_RETURN(EvaluateGlobals evaluate, plan.make_evaluate(context));
  ASSIGN_OR_RETURN(const std::unique_ptr<EventLog> events,
                   EventLog::Open(plan.state + "/events.jsonl", &SystemClock()));

  ASSIGN_OR_RETURN(const std::unique_ptr<RunControl> control,
                   RunControl::Open(plan.state + "/operator.json"));

  ClientRegistry registry(context.Heartbeat(), &SystemClock());
  Coordinator coordinator({.context = &context,
                           .store = store.get(),
                           .events = events.get(),
                           .registry = &registry,
                           .hooks = plan.hooks,
                           .clock = &SystemClock(),
                           .control = control.get(),
                           .initial = std::move(initial.globals),
                           .evaluate = std::move(evaluate)});
  ProgressThrottle throttle;
  WaitingLines waiting;
  const int printer = events->Subscribe(~uint64_t{0}, [&](const RunEvent& event) {
    const bool prints =
        plan.json ? throttle.Passes(event) : event.kind != "progress" || waiting.Passes(event);
    if (prints) PrintEvent(event, plan.json);
  });
  const StopSignal stop([&](const std::string& signal) { coordinator.Stop(signal); });
  absl::Status status;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<RunningServer> server,
                     RunningServer::Start(config, {.context = &context,
                                                   .registry = &registry,
                                                   .coordinator = &coordinator,
                                                   .active = &coordinator.active_round(),
                                                   .events = events.get()}));
    events->Emit("listening", absl::StrCat("listening on ", server->address()),
                 {{"address", server->address()}});
    RunEvents run_events(events.get());
    run_events.RunStarted(context, resumed, coordinator.Snapshot().rounds);
    for (const InitialNote& note : initial.notes) {
      run_events.Pretrained(note.dataset, note.message, note.taken, note.skipped, note.random);
    }
    status = End(coordinator.Run(), registry, &run_events);
  }
  events->Unsubscribe(printer);
  return status;
}

}  // namespace tributary
