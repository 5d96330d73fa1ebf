#include "server/aggregation/plan.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

template <typename Predicate>
double SumSamples(const std::vector<CohortMember>& cohort, const AggregationConfig& config,
                  const Predicate& counts) {
  double sum = 0;
  for (const CohortMember& member : cohort) {
    if (counts(member)) sum += MemberWeight(member, config);
  }
  return sum;
}

// The contributions to one parameter, each with its member's weight in place of the coefficient:
// the caller divides by the denominator.
std::vector<Contribution> Contributors(const Target& target, const std::string& parameter,
                                       const std::vector<CohortMember>& cohort,
                                       const AggregationConfig& config) {
  std::vector<Contribution> contributions;
  for (size_t i = 0; i < cohort.size(); ++i) {
    for (std::string& source : SourcesOf(cohort[i], target, parameter, config)) {
      contributions.push_back({i, std::move(source), MemberWeight(cohort[i], config)});
    }
  }
  return contributions;
}

// Rule `paper`, step 2: with compensation all clients that hold the parameter's modality count.
double PaperDenominator(const Target& target, const std::string& parameter,
                        const std::vector<CohortMember>& cohort,
                        const std::vector<Contribution>& contributions,
                        const AggregationConfig& config) {
  if (!config.compensation) {
    double sum = 0;
    for (const Contribution& contribution : contributions) sum += contribution.coefficient;
    return sum;
  }
  const std::optional<Modality> modality = ModalityOf(parameter);
  return SumSamples(cohort, config, [&](const CohortMember& member) {
    return modality ? Holds(member.modality, *modality)
                    : ShareModality(member.modality, target.modality);
  });
}

// Rule `release`: the factor on a client's sample count, in the numerator and, unless compensation
// with scope `modality` leaves it out, in the denominator.
double OutModalityScale(const CohortMember& member, const Target& target,
                        const AggregationConfig& config) {
  return member.modality == target.modality ? 1 : config.out_modality_scale;
}

double ReleaseDenominator(const Target& target, const std::string& parameter,
                          const std::vector<CohortMember>& cohort,
                          const AggregationConfig& config) {
  const bool shared = config.scope != Scope::kDataset && IsShared(GroupOf(parameter), config);
  const bool unscaled = config.compensation && config.scope == Scope::kModality;
  double sum = 0;
  for (const CohortMember& member : cohort) {
    bool counts = member.dataset == target.dataset;
    if (shared || config.compensation) {
      switch (config.scope) {
        case Scope::kDataset:
          break;
        case Scope::kModality:
          counts = ShareModality(member.modality, target.modality);
          break;
        case Scope::kModalityExact:
          counts = Holds(member.modality, *ModalityOf(parameter));
          break;
        case Scope::kAll:
          counts = true;
          break;
      }
    }
    if (!counts) continue;
    sum += MemberWeight(member, config) * (unscaled ? 1 : OutModalityScale(member, target, config));
  }
  return sum;
}

// Sequential folding W <- W + c_k (W_k - W) has the effective coefficients e_k = c_k prod_{j > k}
// (1 - c_j).
void FoldSequentially(std::vector<Contribution>* contributions) {
  double left = 1;
  for (auto it = contributions->rbegin(); it != contributions->rend(); ++it) {
    const double coefficient = it->coefficient;
    it->coefficient = coefficient * left;
    left *= 1 - coefficient;
  }
}

std::vector<Contribution> PlanParameter(const Target& target, const std::string& parameter,
                                        const std::vector<CohortMember>& cohort,
                                        const AggregationConfig& config) {
  std::vector<Contribution> contributions = Contributors(target, parameter, cohort, config);
  if (contributions.empty()) return contributions;
  const bool plain_mean = config.plain_pair_mean && target.modality == Modality::kPair;
  if (config.rule == Rule::kPaper || plain_mean) {
    const double denominator = PaperDenominator(target, parameter, cohort, contributions, config);
    for (Contribution& contribution : contributions) contribution.coefficient /= denominator;
    return contributions;
  }
  if (config.compensation && config.scope == Scope::kDataset)
    return {};  // the release computes no coefficient here
  const double denominator = ReleaseDenominator(target, parameter, cohort, config);
  for (Contribution& contribution : contributions) {
    contribution.coefficient *=
        OutModalityScale(cohort[contribution.member], target, config) / denominator;
  }
  FoldSequentially(&contributions);
  return contributions;
}

}  // namespace

double MemberWeight(const CohortMember& member, const AggregationConfig& config) {
  const double factor = member.modality == Modality::kPair ? config.pair_weight : 1;
  return static_cast<double>(member.samples) * factor;
}

Plan BuildPlan(const std::vector<Target>& targets, const std::vector<CohortMember>& cohort,
               const AggregationConfig& config) {
  Plan plan;
  for (const Target& target : targets) {
    TargetPlan& parameters = plan[target.dataset];
    parameters.reserve(target.manifest.tensors.size());
    for (const TensorSpec& spec : target.manifest.tensors) {
      parameters.push_back(PlanParameter(target, spec.name, cohort, config));
    }
  }
  return plan;
}

absl::Status CheckAggregation(const AggregationConfig& config) {
  if (config.rule == Rule::kRelease && config.compensation &&
      config.scope == Scope::kModalityExact) {
    return absl::InvalidArgumentError(
        "aggregation: compensation with scope \"modality_exact\" has no meaning under rule "
        "\"release\"; "
        "use scope \"modality\" or rule \"paper\"");
  }
  return absl::OkStatus();
}

nlohmann::json PlanToJson(const Plan& plan, const std::vector<Target>& targets,
                          const std::vector<CohortMember>& cohort) {
  nlohmann::json json = nlohmann::json::object();
  for (const Target& target : targets) {
    nlohmann::json& parameters = json[target.dataset] = nlohmann::json::object();
    const TargetPlan& target_plan = plan.at(target.dataset);
    for (size_t i = 0; i < target_plan.size(); ++i) {
      const std::string& name = target.manifest.tensors[i].name;
      nlohmann::json& row = parameters[name] = nlohmann::json::object();
      for (const Contribution& contribution : target_plan[i]) {
        const std::string& client = cohort[contribution.member].client;
        const bool plain = contribution.source == name;
        row[plain ? client : absl::StrCat(client, ":", contribution.source)] =
            contribution.coefficient;
      }
    }
  }
  return json;
}

}  // namespace tributary
