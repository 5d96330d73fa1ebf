#include "server/method/fednova/settings.h"

namespace tributary {
namespace {

// The coefficients no longer add up to what they were, which a mean beyond a dataset's own clients
// and the release's sequential folding count on.
void Check(const RunConfig& config, Section* root) {
  const AggregationConfig& aggregation = config.aggregation;
  if (aggregation.rule == Rule::kPaper && aggregation.share == Share::kNone &&
      !aggregation.compensation) {
    return;
  }
  root->Problem("method",
                "is \"fednova\", which merges among a dataset's own clients: it needs "
                "aggregation.rule = \"paper\", share = \"none\" and no compensation");
}

}  // namespace

const MethodCard& FedNovaCard() {
  static const auto* const kCard = new MethodCard{
      .word = "fednova",
      .shares =
          "as FedAvg, each update divided by its local steps; with an adaptive local "
          "optimizer such as AdamW that is a normalisation by steps alone",
      .adds = "nothing",
      .costs = "nothing",
      .preset = [](RunConfig* config) { config->aggregation.normalize_steps = true; },
      .check = Check};
  return *kCard;
}

}  // namespace tributary
