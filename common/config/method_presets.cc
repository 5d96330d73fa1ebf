#include "common/config/method_presets.h"

namespace tributary {
namespace {

constexpr double kProximalMu = 0.001;
constexpr double kFedIoTPairWeight = 100;

}  // namespace

void ApplyMethodPreset(RunConfig* config) {
  AggregationConfig& aggregation = config->aggregation;
  switch (config->method) {
    case Method::kFedAvg:
      return;
    case Method::kCreamFl:
      aggregation.plain_pair_mean = true;
      return;
    case Method::kFedProx:
      config->local.proximal_mu = kProximalMu;
      return;
    case Method::kFedIoT:
      aggregation.share = Share::kBlocks;
      aggregation.scope = Scope::kModalityExact;
      aggregation.pair_weight = kFedIoTPairWeight;
      return;
    case Method::kFedCola:
      aggregation.share = Share::kAttn;
      aggregation.scope = Scope::kModality;
      aggregation.compensation = true;
      config->local.complementary = ComplementaryLayers::kAll;
      config->local.aux_trained = true;
      return;
  }
}

}  // namespace tributary
