#include "server/aggregation/scope.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr absl::string_view kImageBlocks = "blockses.0.";
constexpr absl::string_view kTextBlocks = "blockses.1.";

std::vector<std::string> OwnAndCounterpart(const CohortMember& member, const std::string& parameter,
                                           bool pair_gives_both) {
  const std::string counterpart = *CounterpartOf(parameter);
  const bool own = Holds(member.modality, *ModalityOf(parameter));
  const bool other = Holds(member.modality, *ModalityOf(counterpart));
  std::vector<std::string> sources;
  if (own) sources.push_back(parameter);
  if (other && (pair_gives_both || !own)) sources.push_back(counterpart);
  return sources;
}

}  // namespace

ParameterGroup GroupOf(absl::string_view name) {
  if (!absl::StartsWith(name, "blockses.")) return ParameterGroup::kOther;
  if (absl::StrContains(name, ".attn.")) return ParameterGroup::kAttn;
  if (absl::StrContains(name, ".mlp.")) return ParameterGroup::kMlp;
  return ParameterGroup::kBlockNorm;
}

std::optional<Modality> ModalityOf(absl::string_view name) {
  for (const absl::string_view part : {"blockses.", "embeddings.", "heads."}) {
    if (absl::StartsWith(name, absl::StrCat(part, "0."))) return Modality::kImage;
    if (absl::StartsWith(name, absl::StrCat(part, "1."))) return Modality::kText;
  }
  return std::nullopt;
}

std::optional<std::string> CounterpartOf(absl::string_view name) {
  if (absl::StartsWith(name, kImageBlocks)) {
    return absl::StrCat(kTextBlocks, name.substr(kImageBlocks.size()));
  }
  if (absl::StartsWith(name, kTextBlocks)) {
    return absl::StrCat(kImageBlocks, name.substr(kTextBlocks.size()));
  }
  return std::nullopt;
}

bool Holds(Modality modality, Modality part) {
  return modality == Modality::kPair || modality == part;
}

bool ShareModality(Modality a, Modality b) {
  return a == b || a == Modality::kPair || b == Modality::kPair;
}

bool IsShared(ParameterGroup group, const AggregationConfig& config) {
  const bool release = config.rule == Rule::kRelease;
  switch (config.share) {
    case Share::kNone:
      return false;
    case Share::kAttn:
      return group == ParameterGroup::kAttn;
    case Share::kMlp:
      return group == ParameterGroup::kMlp && !release;
    case Share::kBlocks:
      return group == ParameterGroup::kMlp || group == ParameterGroup::kBlockNorm ||
             (group == ParameterGroup::kAttn && !release);
  }
  return false;
}

std::vector<std::string> SourcesOf(const CohortMember& member, const Target& target,
                                   const std::string& parameter, const AggregationConfig& config) {
  const bool shared = config.scope != Scope::kDataset && IsShared(GroupOf(parameter), config);
  if (!shared) {
    if (member.dataset != target.dataset) return {};
    return {parameter};
  }
  if (config.scope == Scope::kAll) {
    return OwnAndCounterpart(member, parameter, config.rule == Rule::kPaper);
  }
  if (!Holds(member.modality, *ModalityOf(parameter))) return {};
  return {parameter};
}

}  // namespace tributary
