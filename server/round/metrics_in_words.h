// Losses and metrics of a round in a few words, from the JSON of `round_committed` events. The
// coordinator's log, `tributary run`, `status` and `watch` say the same.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace tributary {

// "icon-names R@1 sum 9.83 (chance 0.56), icon-contexts 61.2 %": `tasks` of an event. Fields that
// are missing or of another type count as 0.
std::string MetricsInShort(const nlohmann::json& tasks);

// "icon-names 2.310, icon-contexts 0.512": `loss` of an event. What is no number is left out.
std::string LossesInShort(const nlohmann::json& losses);

// "0:07", "12:34", "3:04:05"
std::string DurationInShort(double seconds);

}  // namespace tributary
