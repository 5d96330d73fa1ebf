// What a round's record keeps of its updates, as JSON. Pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/aggregation/scope.h"
#include "server/round/live_round.h"

namespace tributary {

// {client: {dataset, samples, bytes, loss, first_loss, steps, train_seconds, peak_rss_bytes}} of
// those that were accepted.
nlohmann::json UpdatesJson(const std::map<std::string, AcceptedUpdate>& accepted,
                           const std::vector<CohortMember>& cohort);

// Mean training loss by dataset of what UpdatesJson() gave, each client the same.
nlohmann::json MeanLosses(const nlohmann::json& updates);

}  // namespace tributary
