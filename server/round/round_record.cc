#include "server/round/round_record.h"

#include <utility>

namespace tributary {

nlohmann::json UpdatesJson(const std::map<std::string, AcceptedUpdate>& accepted,
                           const std::vector<CohortMember>& cohort) {
  nlohmann::json updates = nlohmann::json::object();
  for (const CohortMember& member : cohort) {
    const auto found = accepted.find(member.client);
    if (found == accepted.end()) continue;
    const AcceptedUpdate& update = found->second;
    updates[member.client] = {{"dataset", member.dataset},
                              {"samples", member.samples},
                              {"bytes", update.bytes},
                              {"loss", update.report.loss()},
                              {"first_loss", update.report.first_loss()},
                              {"steps", update.report.steps()},
                              {"train_seconds", update.report.train_seconds()},
                              {"peak_rss_bytes", update.report.peak_rss_bytes()}};
  }
  return updates;
}

nlohmann::json MeanLosses(const nlohmann::json& updates) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const auto& [client, update] : updates.items()) {
    auto& [sum, count] = sums[update["dataset"].get<std::string>()];
    sum += update["loss"].get<double>();
    ++count;
  }
  nlohmann::json losses = nlohmann::json::object();
  for (const auto& [dataset, sum] : sums) losses[dataset] = sum.first / sum.second;
  return losses;
}

}  // namespace tributary
