// A small run of two datasets for tests of the coordinator.
#pragma once

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/model/initial_state.h"
#include "server/method/fedavg/settings.h"
#include "server/registry/run_context.h"

namespace tributary {

inline RunConfig TinyConfig() {
  RunConfig config;
  config.name = "tiny";
  config.method = &FedAvgCard();
  config.rounds = 3;
  config.datasets = {{"pictures", Modality::kImage, 2, "data/pictures"},
                     {"words", Modality::kText, 2, "data/words"}};
  config.model.spec = {.dim = 8,
                       .depth = 1,
                       .heads = 2,
                       .patch = 4,
                       .image_size = 8,
                       .channels = 3,
                       .max_tokens = 4,
                       .drop_path = 0};
  config.round.fraction = 1;
  return config;
}

inline RunContext TinyContext(const RunConfig& config = TinyConfig()) {
  auto context = MakeRunContext(config, {{"pictures", 3}, {"words", 5}}, 20, "vocabulary-digest");
  EXPECT_TRUE(context.ok()) << context.status();
  context->run_id = "run-1";
  return *std::move(context);
}

// The globals that a new run starts from.
inline std::map<std::string, StateDict> TinyGlobals(const RunContext& context) {
  std::map<std::string, StateDict> globals;
  for (const auto& [name, dataset] : context.datasets) {
    auto state = InitialState(dataset.spec, dataset.config.modality, context.config.seed, name);
    EXPECT_TRUE(state.ok()) << state.status();
    globals[name] = *std::move(state);
  }
  return globals;
}

}  // namespace tributary
