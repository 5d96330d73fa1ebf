// The coordinator of `tributary bench wire`: tributary-server's own, over a synthetic model.
#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/stop_signal.h"
#include "common/config/choices.h"
#include "common/tensor/manifest.h"
#include "server/method/fedavg/settings.h"
#include "server/serve.h"
#include "tool/bench/bench_command.h"
#include "tool/bench/synthetic_model.h"

namespace tributary {
namespace {

template <typename T, size_t N>
T ValueOf(const std::string& word, const std::array<Choice<T>, N>& choices) {
  for (const Choice<T>& choice : choices) {
    if (choice.word == word) return choice.value;
  }
  return choices.front().value;  // not reached: the flag's check has refused other words
}

RunConfig ConfigOf(const BenchCommand& command) {
  RunConfig config;
  config.name = "bench-wire";
  config.method = &FedAvgCard();
  config.rounds = command.size.rounds;
  const int attending = std::max(command.attending, command.size.clients);
  config.datasets = {
      {.name = "synthetic", .modality = Modality::kImage, .clients = attending, .path = ""}};
  // Half a client more than asked, because the sampler rounds down: clients / attending itself may
  // come out a little below the whole number.
  config.round.fraction = std::min(1.0, (command.size.clients + 0.5) / attending);
  config.round.quorum = 1;
  config.wire.upload = ValueOf(command.codec, kCodecWords);
  const bool lossless = config.wire.upload == Codec::kF32;
  config.wire.download = lossless ? Codec::kF32 : Codec::kF16;
  if (command.delta != "auto") {
    config.wire.download_delta = ValueOf(command.delta, kDeltaCodecWords);
  } else if (lossless) {
    config.wire.download_delta = std::nullopt;
  }
  config.server.listen = "127.0.0.1:0";
  config.evaluation.every = config.rounds + 1;  // never
  return config;
}

}  // namespace

absl::Status RunBenchCoordinator(const BenchCommand& command) {
  BlockStopSignals();
  StateDict model =
      SyntheticModel(static_cast<int64_t>(command.size.megabytes * 1e6), command.size.tensors);
  RunContext context{.config = ConfigOf(command),
                     .run_id = "",
                     .vocabulary_digest = "",
                     .public_set = {},
                     .init_digests = {},
                     .datasets = {}};
  DatasetContext dataset{.config = context.config.datasets.front(),
                         .spec = {.image_size = 32, .channels = 3, .classes = 2},
                         .plain = Manifest::Of(model),
                         .download = Manifest::Of(model),
                         .upload = Manifest::Of(model)};
  context.datasets.emplace("synthetic", std::move(dataset));
  const MethodHooks hooks;  // none: what is merged stays as it is
  return Serve({.context = std::move(context),
                .hooks = &hooks,
                .state = command.out,
                .json = true,
                .make_initial = [&](const RunContext&) -> absl::StatusOr<InitialModels> {
                  InitialModels initial;
                  initial.globals.emplace("synthetic", std::move(model));
                  return initial;
                },
                .make_evaluate = [](const RunContext&) -> absl::StatusOr<EvaluateGlobals> {
                  return [](const auto&) { return std::map<std::string, TaskMetrics>(); };
                }});
}

}  // namespace tributary
