// What tests of the coordinator's side share: targets, clients and aggregation settings of a case.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "common/config/choices.h"
#include "server/aggregation/scope.h"
#include "tests/golden/golden_data.h"
#include "tests/golden/golden_shapes.h"

namespace tributary {

// The clients of a case are numbered; rule `release` goes by the numbers, the coordinator by names.
// These names are in the order of the numbers.
inline std::string ClientName(int64_t id) { return absl::StrFormat("client-%06d", id); }

// Ids by name.
inline std::map<std::string, int64_t> IdsOf(const nlohmann::ordered_json& clients) {
  std::map<std::string, int64_t> ids;
  for (const nlohmann::ordered_json& client : clients) {
    ids[ClientName(client.at("id"))] = client.at("id");
  }
  EXPECT_EQ(ids.size(), clients.size()) << "two clients have the same id";
  return ids;
}

// One client of a `clients` list.
inline CohortMember MemberOf(const nlohmann::ordered_json& client) {
  return {.client = ClientName(client.at("id")),
          .dataset = client.at("dataset"),
          .modality = ModalityFromRelease(client.at("modality")),
          .samples = client.at("samples")};
}

inline void SortByName(std::vector<CohortMember>* cohort) {
  std::sort(cohort->begin(), cohort->end(),
            [](const CohortMember& a, const CohortMember& b) { return a.client < b.client; });
}

// Those of `clients` whose ids are in `ids`, in increasing order of id.
inline std::vector<CohortMember> CohortOf(const nlohmann::ordered_json& clients,
                                          const nlohmann::ordered_json& ids) {
  std::vector<CohortMember> cohort;
  for (const nlohmann::ordered_json& client : clients) {
    ExpectKnownKeys(client, {"id", "dataset", "modality", "samples"});
    if (std::find(ids.begin(), ids.end(), client.at("id")) != ids.end()) {
      cohort.push_back(MemberOf(client));
    }
  }
  EXPECT_EQ(cohort.size(), ids.size()) << "a cohort has clients that are not listed: " << ids;
  SortByName(&cohort);
  return cohort;
}

template <typename T, size_t N>
T Chosen(const nlohmann::ordered_json& word, const std::array<Choice<T>, N>& choices) {
  for (const Choice<T>& choice : choices) {
    if (word == std::string(choice.word)) return choice.value;
  }
  ADD_FAILURE() << "unknown choice " << word;
  return choices[0].value;
}

// The settings of a case; `others`: the keys that it has beside them.
inline AggregationConfig AggregationOf(const nlohmann::ordered_json& golden,
                                       std::set<std::string> others) {
  others.insert({"rule", "share", "scope", "compensation", "pair_weight", "out_modality_scale"});
  ExpectKnownKeys(golden, others);
  AggregationConfig config;
  config.rule = Chosen(golden.at("rule"), kRules);
  config.share = Chosen(golden.at("share"), kShares);
  config.scope = Chosen(golden.at("scope"), kScopes);
  config.compensation = golden.at("compensation");
  config.pair_weight = golden.value("pair_weight", 1.0);
  config.out_modality_scale = golden.value("out_modality_scale", 1.0);
  return config;
}

}  // namespace tributary
