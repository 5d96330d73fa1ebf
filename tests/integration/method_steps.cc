// What methods compute, on numbers from standard input: for comparison with an independent
// implementation (method_reference_test.py). Reads one JSON object a line, writes one a line.
//
//   {"what": "optimizer", "settings": {...}, "start": [..], "deltas": [[..] by round]}
//     -> {"globals": [[..] by round]}
//   {"what": "fednova", "epochs", "batch", "cohort": {client: samples}, "arrived": [client..],
//    "global": [..], "deltas": {client: [..]}}
//     -> {"global": [..], "coefficients": {client: number}}
//   {"what": "scaffold", "clients": N, "cohort": [client..],
//    "rounds": [{client: [gradient [..] by step]}]}    clients that arrive, and their gradients
//     -> {"rounds": [{"control": [..], "own": {client: [..]},
//                     "corrected": {client: [[..] by step]}}]}
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include <ATen/ops/tensor.h>
#include <nlohmann/json.hpp>

#include "client/trainer/control_variates.h"
#include "common/codec/encoded_state.h"
#include "common/model/initial_state.h"
#include "common/model/torch_state.h"
#include "server/aggregation/aggregator.h"
#include "server/method/fednova/step_normalisation_hook.h"
#include "server/method/scaffold/control_variates_hook.h"
#include "server/method/server_optimizer/server_optimizer_hook.h"
#include "server/round/round_payload.h"

namespace tributary {
namespace {

using nlohmann::json;

constexpr char kDataset[] = "data";
constexpr char kParameter[] = "norm.weight";

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "method_steps: %s\n", status.ToString().c_str());
  std::exit(1);
}

Tensor TensorOf(const json& values) {
  Tensor tensor{.shape = {static_cast<int64_t>(values.size())}, .values = {}};
  for (const json& value : values) tensor.values.push_back(value.get<float>());
  return tensor;
}

StateDict StateOf(const std::string& name, Tensor tensor) {
  StateDict state;
  Must(state.Add(name, std::move(tensor)));
  return state;
}

// Pushes `updates` through an aggregator for `target`; returns what it made besides the globals.
Aggregator::Outcome Merge(const Target& target, const std::vector<CohortMember>& cohort,
                          const std::map<std::string, StateDict>& updates, const MethodHooks& hooks,
                          std::map<std::string, StateDict>* globals) {
  SpoolBudget budget(1 << 24);
  Aggregator aggregator({target}, cohort, {}, {}, /*keep=*/true,
                        [&](const std::vector<CohortMember>& members, Plan* plan) {
                          hooks.AdjustPlan(members, plan);
                        });
  for (const CohortMember& member : cohort) {
    const auto update = updates.find(member.client);
    if (update == updates.end()) continue;
    const auto encoded = EncodedState::Encode(update->second, Codec::kF32, 1 << 16, 1);
    auto upload = aggregator.NewUpload(member, encoded->bytes(),
                                       std::make_unique<Spool>("/nonexistent/spool", &budget));
    upload->Claim(1);
    for (const absl::Cord& chunk : encoded->chunks()) Must(upload->Append(1, std::string(chunk)));
    Must(aggregator.Add(member.client, std::move(upload)));
  }
  Must(aggregator.FinishInto(globals));
  return aggregator.TakeOutcome();
}

DatasetContext Dataset(int clients, const Manifest& plain, const Manifest& upload) {
  return {
      .config = {.name = kDataset, .modality = Modality::kImage, .clients = clients, .path = ""},
      .spec = {},
      .plain = plain,
      .download = {},
      .upload = upload};
}

json OptimizerSteps(const json& input) {
  const json& settings = input.at("settings");
  const std::map<std::string, ServerOptimizer> words = {{"momentum", ServerOptimizer::kMomentum},
                                                        {"adam", ServerOptimizer::kAdam},
                                                        {"yogi", ServerOptimizer::kYogi},
                                                        {"adagrad", ServerOptimizer::kAdagrad}};
  const ServerOptimizerHook hook({.optimizer = words.at(settings.at("optimizer")),
                                  .learning_rate = settings.at("learning_rate"),
                                  .momentum = settings.at("momentum"),
                                  .beta2 = settings.at("beta2"),
                                  .tau = settings.at("tau")});
  const RunContext context;
  ModelSet models;
  models.globals[kDataset] = StateOf(kParameter, TensorOf(input.at("start")));
  Must(hook.Begin(context, &models));
  const Plan plan = {{kDataset, {{{.member = 0, .source = kParameter, .coefficient = 1}}}}};
  json globals = json::array();
  for (const json& delta : input.at("deltas")) {
    RoundOutcome outcome{.round = static_cast<int>(globals.size()) + 1};
    outcome.plan = &plan;
    outcome.before = models.globals;
    std::vector<float>& values = models.globals[kDataset][0].tensor.values;
    for (size_t i = 0; i < values.size(); ++i) values[i] += delta[i].get<float>();
    Must(hook.AfterMerge(context, outcome, &models));
    globals.push_back(values);
  }
  return {{"globals", globals}};
}

json FedNovaStep(const json& input) {
  MethodHooks hooks;
  hooks.Append(std::make_unique<StepNormalisationHook>(input.at("epochs").get<int64_t>(),
                                                       input.at("batch").get<int64_t>()));
  std::map<std::string, StateDict> globals, updates;
  globals[kDataset] = StateOf(kParameter, TensorOf(input.at("global")));
  std::vector<CohortMember> cohort;
  for (const auto& [client, samples] : input.at("cohort").items()) {
    cohort.push_back({client, kDataset, Modality::kImage, samples.get<uint64_t>()});
  }
  for (const json& client : input.at("arrived")) {
    updates[client] =
        StateOf(kParameter, TensorOf(input.at("deltas").at(client.get<std::string>())));
  }
  const Manifest plain = Manifest::Of(globals.at(kDataset));
  const Target target = TargetOf(Dataset(1, plain, plain), hooks);
  const Aggregator::Outcome outcome = Merge(target, cohort, updates, hooks, &globals);
  json coefficients = json::object();
  for (const Contribution& contribution : outcome.routing->plan().at(kDataset)[0]) {
    coefficients[outcome.routing->cohort()[contribution.member].client] = contribution.coefficient;
  }
  return {{"global", globals.at(kDataset)[0].tensor.values}, {"coefficients", coefficients}};
}

// A model of which one parameter gets the given gradients.
struct TinyModel {
  ModelSpec spec = {.dim = 8,
                    .depth = 1,
                    .heads = 2,
                    .patch = 4,
                    .image_size = 8,
                    .max_tokens = 4,
                    .vocabulary_size = 20,
                    .drop_path = 0,
                    .classes = 3,
                    .control_variates = true};
  std::unique_ptr<Transformer> model = nullptr;
  at::Tensor parameter = {};

  TinyModel() {
    const auto state = InitialState(spec, Modality::kImage, 1, kDataset);
    Must(state.status());
    auto made = Transformer::Create(spec, Modality::kImage, *state, c10::DeviceType::CPU);
    Must(made.status());
    model = *std::move(made);
    for (const auto& [name, tensor] : model->parameters()) {
      if (name == kParameter) parameter = tensor;
    }
  }
};

json ScaffoldSteps(const json& input) {
  TinyModel tiny;
  const Manifest plain = *ModelManifest(tiny.spec, Modality::kImage, TensorScope::kPlain);
  const Manifest sent = *ModelManifest(tiny.spec, Modality::kImage, TensorScope::kUpload);
  MethodHooks hooks;
  hooks.Append(std::make_unique<ControlVariatesHook>());
  RunContext context;
  const DatasetContext dataset = Dataset(input.at("clients"), plain, sent);
  context.datasets.emplace(kDataset, dataset);
  ModelSet models;
  models.globals[kDataset] = *InitialState(tiny.spec, Modality::kImage, 1, kDataset);
  Must(hooks.Begin(context, &models));
  std::vector<CohortMember> cohort;
  for (const json& client : input.at("cohort")) {
    cohort.push_back({client, kDataset, Modality::kImage, 10});
  }
  std::map<std::string, StateDict> own;
  json rounds = json::array();
  for (const json& round : input.at("rounds")) {
    std::map<std::string, StateDict> updates;
    json corrected = json::object();
    for (const auto& [client, gradients] : round.items()) {
      auto control =
          ControlVariates::Create(models.auxiliary.at(kDataset), own[client], *tiny.model);
      Must(control.status());
      for (const json& gradient : gradients) {
        for (const auto& [name, tensor] : tiny.model->parameters()) {
          tensor.mutable_grad() = at::Tensor();
        }
        tiny.parameter.mutable_grad() = ToTorch(TensorOf(gradient), c10::DeviceType::CPU);
        (*control)->Correct();
        corrected[client].push_back(FromTorch(tiny.parameter.grad()).values);
      }
      ControlVariates::Result result = (*control)->Finish();
      own[client] = std::move(result.own);
      StateDict& update = updates[client];
      for (const TensorSpec& spec : plain.tensors)
        Must(update.Add(spec.name, Tensor::Zeros(spec.shape)));
      for (auto& [name, tensor] : result.change) Must(update.Add(name, tensor));
    }
    Aggregator::Outcome merged =
        Merge(TargetOf(dataset, hooks), cohort, updates, hooks, &models.globals);
    RoundOutcome outcome{.round = static_cast<int>(rounds.size()) + 1};
    outcome.summed = std::move(merged.summed);
    Must(hooks.AfterMerge(context, outcome, &models));
    json kept = json::object();
    for (const auto& [client, state] : own) {
      if (!state.empty()) kept[client] = state.Find(ControlOf(kParameter))->values;
    }
    rounds.push_back(
        {{"control", models.auxiliary.at(kDataset).Find(ControlOf(kParameter))->values},
         {"own", kept},
         {"corrected", corrected}});
  }
  return {{"rounds", rounds}};
}

json Answer(const json& input) {
  const std::string what = input.at("what");
  if (what == "optimizer") return OptimizerSteps(input);
  if (what == "fednova") return FedNovaStep(input);
  return ScaffoldSteps(input);
}

}  // namespace
}  // namespace tributary

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << tributary::Answer(nlohmann::json::parse(line)).dump() << std::endl;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "method_steps: %s\n", error.what());
    return 1;
  }
  return 0;
}
