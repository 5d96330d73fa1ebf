#include "preparation/dealing/dealing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// The samples of each image, in the order in which images occur first.
std::vector<std::vector<int64_t>> ByImage(const std::vector<Sample>& samples) {
  std::vector<std::vector<int64_t>> groups;
  absl::flat_hash_map<int64_t, size_t> place;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto [found, is_new] = place.try_emplace(samples[i].image, groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(static_cast<int64_t>(i));
  }
  return groups;
}

// From hands of groups to hands of samples.
Partition Spread(const Partition& of_groups, const std::vector<std::vector<int64_t>>& groups) {
  Partition hands;
  for (const std::vector<int64_t>& hand : of_groups) {
    std::vector<int64_t>& samples = hands.emplace_back();
    for (const int64_t group : hand) {
      const auto& members = groups[static_cast<size_t>(group)];
      samples.insert(samples.end(), members.begin(), members.end());
    }
  }
  return hands;
}

// Owners dealt out, the largest first, each to the client that has least.
absl::StatusOr<Partition> ByOwner(const Dealing& dealing, const std::vector<Sample>& samples) {
  std::map<std::string, std::vector<int64_t>> by_owner;
  for (size_t i = 0; i < samples.size(); ++i) {
    by_owner[samples[i].owner].push_back(static_cast<int64_t>(i));
  }
  if (by_owner.size() == 1 && by_owner.begin()->first.empty()) {
    return absl::InvalidArgumentError(
        "partition natural: the samples have no owners; use iid, or dirichlet:ALPHA with classes");
  }
  if (by_owner.size() < static_cast<size_t>(dealing.clients)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "partition ", dealing.column.empty() ? "natural" : absl::StrCat("column:", dealing.column),
        ": ", by_owner.size(), " owners are too few for ", dealing.clients, " clients"));
  }
  std::vector<std::vector<int64_t>> groups;
  groups.reserve(by_owner.size());
  for (auto& [owner, group] : by_owner) groups.push_back(std::move(group));
  // Stable: owners of one size stay in the order of their names, on every machine.
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  Partition hands(static_cast<size_t>(dealing.clients));
  for (const std::vector<int64_t>& group : groups) {
    auto& hand = *std::min_element(hands.begin(), hands.end(), [](const auto& a, const auto& b) {
      return a.size() < b.size();
    });
    hand.insert(hand.end(), group.begin(), group.end());
  }
  return hands;
}

absl::StatusOr<Partition> ByClass(const Dealing& dealing, const SampleSet& set,
                                  PartitionDraws* draws) {
  if (set.classes.empty()) {
    return absl::InvalidArgumentError(
        "partition dirichlet needs classes; pairs have none: use pairs or iid");
  }
  std::vector<int32_t> labels;
  labels.reserve(set.train.size());
  for (const Sample& sample : set.train) labels.push_back(sample.label);
  return PartitionDirichlet(labels, static_cast<int>(set.classes.size()), dealing.clients,
                            dealing.alpha, draws, dealing.min_classes);
}

absl::StatusOr<Partition> DealAll(const Dealing& dealing, const SampleSet& set,
                                  PartitionDraws* draws) {
  switch (dealing.kind) {
    case Dealing::Kind::kDirichlet:
      return ByClass(dealing, set, draws);
    case Dealing::Kind::kOwner:
      return ByOwner(dealing, set.train);
    case Dealing::Kind::kIid:
    case Dealing::Kind::kPairs:
      break;
  }
  // Captions of one image stay with one client: as samples of their own they would put the image
  // into several shards.
  const bool pairs = dealing.kind == Dealing::Kind::kPairs;
  if (set.modality != Modality::kPair) {
    if (pairs) return absl::InvalidArgumentError("partition pairs needs image-text pairs");
    return PartitionIid(static_cast<int64_t>(set.train.size()), dealing.clients, draws);
  }
  const std::vector<std::vector<int64_t>> groups = ByImage(set.train);
  const auto images = static_cast<int64_t>(groups.size());
  return Spread(pairs ? PartitionPairs(images, 1, dealing.clients, draws)
                      : PartitionIid(images, dealing.clients, draws),
                groups);
}

}  // namespace

absl::StatusOr<Dealing> ParseDealing(const std::string& words) {
  Dealing dealing;
  absl::string_view rest = words;
  if (words == "iid") return dealing;
  if (words == "pairs") {
    dealing.kind = Dealing::Kind::kPairs;
    return dealing;
  }
  if (words == "natural") {
    dealing.kind = Dealing::Kind::kOwner;
    return dealing;
  }
  if (absl::ConsumePrefix(&rest, "column:") && !rest.empty()) {
    dealing.kind = Dealing::Kind::kOwner;
    dealing.column = std::string(rest);
    return dealing;
  }
  if (absl::ConsumePrefix(&rest, "dirichlet:") && absl::SimpleAtod(rest, &dealing.alpha) &&
      !(dealing.alpha <= 0)) {
    if (absl::Status status = CheckAlpha(dealing.alpha); !status.ok()) {
      return Annotate(status, absl::StrCat("partition ", words));
    }
    dealing.kind = Dealing::Kind::kDirichlet;
    return dealing;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("partition \"", words,
                   "\" is unknown; expected iid, pairs, natural, column:NAME or "
                   "dirichlet:ALPHA with ALPHA above 0"));
}

absl::StatusOr<Partition> Deal(const Dealing& dealing, const SampleSet& set,
                               const std::string& dataset, uint64_t seed) {
  StreamDraws draws(RandomStream(seed, "partition", 0, dataset));
  ASSIGN_OR_RETURN(Partition partition, DealAll(dealing, set, &draws));
  for (std::vector<int64_t>& hand : partition) {
    if (dealing.most_samples > 0 && hand.size() > static_cast<size_t>(dealing.most_samples)) {
      // A random part, in the order of the source: the first ones may all be of one class.
      draws.Shuffle(&hand);
      hand.resize(static_cast<size_t>(dealing.most_samples));
      std::sort(hand.begin(), hand.end());
    }
  }
  return partition;
}

std::vector<int64_t> TakeOwnTest(double share, const SampleSet& set, const std::string& dataset,
                                 int client, uint64_t seed, std::vector<int64_t>* hand) {
  // What must stay together: the rows of an image; each text is a group of its own.
  std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> by_group;
  for (const int64_t row : *hand) {
    const int64_t image = set.train[static_cast<size_t>(row)].image;
    by_group[image >= 0 ? std::pair(image, int64_t{0}) : std::pair(int64_t{-1}, row)].push_back(
        row);
  }
  std::vector<int64_t> order(by_group.size());
  std::iota(order.begin(), order.end(), 0);
  StreamDraws draws(RandomStream(seed, "client-test", static_cast<uint64_t>(client), dataset));
  draws.Shuffle(&order);
  const auto groups = static_cast<int64_t>(order.size());
  const int64_t wanted = std::llround(share * static_cast<double>(groups));
  const int64_t taken = groups < 2 ? 0 : std::clamp<int64_t>(wanted, 1, groups - 1);
  const std::set<int64_t> tests(order.begin(), order.begin() + taken);
  std::vector<int64_t> test, train;
  int64_t place = 0;
  for (const auto& [group, rows] : by_group) {
    std::vector<int64_t>& part = tests.contains(place++) ? test : train;
    part.insert(part.end(), rows.begin(), rows.end());
  }
  std::sort(test.begin(), test.end());
  std::sort(train.begin(), train.end());
  *hand = std::move(train);
  return test;
}

}  // namespace tributary
