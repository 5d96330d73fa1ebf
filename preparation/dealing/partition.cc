#include "preparation/dealing/partition.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kFewestSamples = 10;
constexpr int kMostTries = 10'000;  // the release tries without end
constexpr int kMostDraws = 100;     // of one class's proportions

std::vector<int64_t> Range(int64_t count) {
  std::vector<int64_t> items(static_cast<size_t>(count));
  std::iota(items.begin(), items.end(), 0);
  return items;
}

// Splits `items` over the hands by `proportions`: cuts at floor(cumulative proportion * size).
void Deal(const std::vector<int64_t>& items, const std::vector<double>& proportions,
          Partition* hands) {
  double cumulative = 0;
  size_t begin = 0;
  for (size_t client = 0; client < hands->size(); ++client) {
    // The sum may end a rounding error short of 1, so the last client takes all that is left.
    cumulative += proportions[client];
    const bool last = client + 1 == hands->size();
    const size_t end =
        last ? items.size()
             : std::min(items.size(),
                        static_cast<size_t>(cumulative * static_cast<double>(items.size())));
    (*hands)[client].insert((*hands)[client].end(), items.begin() + static_cast<int64_t>(begin),
                            items.begin() + static_cast<int64_t>(std::max(begin, end)));
    begin = std::max(begin, end);
  }
}

// Proportions without the clients that hold an equal share of all samples already, so that small
// alphas do not give everything to few; empty if nobody is left.
std::vector<double> WithoutFull(std::vector<double> proportions, const Partition& hands,
                                double share) {
  double sum = 0;
  for (size_t client = 0; client < hands.size(); ++client) {
    if (static_cast<double>(hands[client].size()) >= share) proportions[client] = 0;
    sum += proportions[client];
  }
  if (sum <= 0) return {};
  for (double& proportion : proportions) proportion /= sum;
  return proportions;
}

// Drawn anew if the proportions of all that are not full are 0, as small alphas make them; empty if
// no draw of many gives any of them a share.
std::vector<double> DrawProportions(const Partition& hands, double alpha, double share,
                                    PartitionDraws* draws) {
  std::vector<double> proportions;
  for (int draw = 0; draw < kMostDraws && proportions.empty(); ++draw) {
    proportions = WithoutFull(draws->Dirichlet(alpha, hands.size()), hands, share);
  }
  return proportions;
}

// Deals each class out by proportions of its own; empty if one cannot be dealt.
Partition DealByClass(const std::vector<std::vector<int64_t>>& by_class, size_t clients,
                      double alpha, double share, PartitionDraws* draws) {
  Partition hands(clients);
  for (std::vector<int64_t> items : by_class) {
    draws->Shuffle(&items);
    if (items.empty()) {
      // Drawn all the same, once, so that the classes behind it are dealt as the release does it.
      draws->Dirichlet(alpha, clients);
      continue;
    }
    const std::vector<double> proportions = DrawProportions(hands, alpha, share, draws);
    if (proportions.empty()) return {};
    Deal(items, proportions, &hands);
  }
  return hands;
}

int ClassesIn(const std::vector<int64_t>& hand, absl::Span<const int32_t> labels) {
  std::set<int32_t> classes;
  for (const int64_t sample : hand) classes.insert(labels[static_cast<size_t>(sample)]);
  return static_cast<int>(classes.size());
}

}  // namespace

absl::Status CheckAlpha(double alpha) {
  if (alpha >= kLeastAlpha && alpha <= kMostAlpha) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("dirichlet: ALPHA is ", alpha, "; expected a number from ", kLeastAlpha, " to ",
                   kMostAlpha, " (small: few classes a client; large: all alike)"));
}

absl::StatusOr<Partition> PartitionDirichlet(absl::Span<const int32_t> labels, int classes,
                                             int clients, double alpha, PartitionDraws* draws,
                                             int min_classes) {
  RETURN_IF_ERROR(CheckAlpha(alpha));
  if (labels.size() < kFewestSamples * static_cast<size_t>(clients)) {
    return absl::InvalidArgumentError(absl::StrCat(labels.size(), " samples are too few for ",
                                                   clients, " clients with at least ",
                                                   kFewestSamples, " each"));
  }
  std::vector<std::vector<int64_t>> by_class(static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    by_class[static_cast<size_t>(labels[i])].push_back(static_cast<int64_t>(i));
  }
  const double share = static_cast<double>(labels.size()) / clients;
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    Partition hands = DealByClass(by_class, static_cast<size_t>(clients), alpha, share, draws);
    const bool all_right =
        !hands.empty() && std::all_of(hands.begin(), hands.end(), [&](const auto& hand) {
          return hand.size() >= kFewestSamples && ClassesIn(hand, labels) >= min_classes;
        });
    if (!all_right) continue;
    for (std::vector<int64_t>& hand : hands) draws->Shuffle(&hand);
    return hands;
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "no partition of ", kMostTries, " gave each of ", clients, " clients ", kFewestSamples,
      " samples of ", std::max(min_classes, 1), " classes; use a larger alpha or fewer clients"));
}

Partition PartitionIid(int64_t samples, int clients, PartitionDraws* draws) {
  std::vector<int64_t> items = Range(samples);
  draws->Shuffle(&items);
  Partition hands(static_cast<size_t>(clients));
  for (int client = 0; client < clients; ++client) {
    // Cut at whole parts of the total: sizes differ by one at most.
    hands[static_cast<size_t>(client)].assign(items.begin() + samples * client / clients,
                                              items.begin() + samples * (client + 1) / clients);
  }
  return hands;
}

Partition PartitionPairs(int64_t images, int64_t captions, int clients, PartitionDraws* draws) {
  std::vector<int64_t> order = Range(images);
  draws->Shuffle(&order);
  Partition hands(static_cast<size_t>(clients));
  // numpy.array_split: the first (images mod clients) parts are one larger.
  int64_t begin = 0;
  for (int client = 0; client < clients; ++client) {
    const int64_t size = images / clients + (client < images % clients ? 1 : 0);
    const double kept = draws->Uniform(0.95, 0.99) * static_cast<double>(size);
    for (int64_t i = begin; i < begin + static_cast<int64_t>(kept); ++i) {
      for (int64_t caption = 0; caption < captions; ++caption) {
        hands[static_cast<size_t>(client)].push_back(order[static_cast<size_t>(i)] * captions +
                                                     caption);
      }
    }
    begin += size;
  }
  return hands;
}

}  // namespace tributary
