// The two rules of aggregation written out as docs/algorithm.md section 4 tells them, on one number
// for each parameter: what a Plan must end with. Shares no code with it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/config/run_config.h"
#include "server/aggregation/scope.h"

namespace tributary {

// A client's upload, one number for each tensor.
using Numbers = std::map<std::string, double>;

class PlanReference {
 public:
  PlanReference(std::vector<CohortMember> cohort, std::vector<Numbers> uploads,
                AggregationConfig config)
      : cohort_(std::move(cohort)), uploads_(std::move(uploads)), config_(config) {}

  // What `parameter` of `target` becomes.
  double After(const Target& target, const std::string& parameter, double before) const {
    const bool paper =
        config_.rule == Rule::kPaper || (config_.plain_pair_mean && target.modality == kPair);
    return paper ? Paper(target, parameter, before) : Release(target, parameter, before);
  }

 private:
  static constexpr Modality kPair = Modality::kPair;

  static std::string Group(const std::string& name) {
    if (name.rfind("blockses", 0) != 0) return "other";
    if (name.find("attn") != std::string::npos) return "attn";
    return name.find("mlp") != std::string::npos ? "mlp" : "blocknorm";
  }
  // "img", "txt", or "" for the final norm.
  static std::string ModalityOfName(const std::string& name) {
    const char index = name[name.find('.') + 1];
    if (index == '0') return "img";
    return index == '1' ? "txt" : "";
  }
  static std::string Word(Modality modality) {
    if (modality == kPair) return "img+txt";
    return modality == Modality::kImage ? "img" : "txt";
  }
  static bool Contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  static bool StringsMeet(const CohortMember& client, const Target& target) {
    return Contains(Word(client.modality), Word(target.modality)) ||
           Contains(Word(target.modality), Word(client.modality));
  }
  static std::string Counterpart(std::string name) {
    name[9] = name[9] == '0' ? '1' : '0';
    return name;
  }

  double N(const CohortMember& client) const {
    return static_cast<double>(client.samples) *
           (client.modality == kPair ? config_.pair_weight : 1);
  }

  bool Shared(const std::string& name) const {
    const std::string group = Group(name);
    if (config_.scope == Scope::kDataset || group == "other") return false;
    const bool release = config_.rule == Rule::kRelease;
    switch (config_.share) {
      case Share::kNone:
        return false;
      case Share::kAttn:
        return group == "attn";
      case Share::kMlp:
        return group == "mlp" && !release;
      case Share::kBlocks:
        return group != "attn" || !release;
    }
    return false;
  }

  // (n_k, the value) of each contribution, in the order of the clients.
  std::vector<std::pair<size_t, double>> Contributions(const Target& target,
                                                       const std::string& name) const {
    std::vector<std::pair<size_t, double>> found;
    for (size_t k = 0; k < cohort_.size(); ++k) {
      const CohortMember& client = cohort_[k];
      const std::string holds = Word(client.modality);
      if (!Shared(name)) {
        if (client.dataset == target.dataset) found.emplace_back(k, uploads_[k].at(name));
      } else if (config_.scope != Scope::kAll) {
        if (Contains(holds, ModalityOfName(name))) found.emplace_back(k, uploads_[k].at(name));
      } else {
        const bool own = Contains(holds, ModalityOfName(name));
        if (own) found.emplace_back(k, uploads_[k].at(name));
        const bool both = config_.rule == Rule::kPaper && client.modality == kPair;
        if (both || !own) found.emplace_back(k, uploads_[k].at(Counterpart(name)));
      }
    }
    return found;
  }

  double Paper(const Target& target, const std::string& name, double before) const {
    const auto contributions = Contributions(target, name);
    if (contributions.empty()) return before;
    double denominator = 0;
    if (config_.compensation) {
      for (const CohortMember& client : cohort_) {
        const std::string modality = ModalityOfName(name);
        const bool counts = modality.empty() ? StringsMeet(client, target)
                                             : Contains(Word(client.modality), modality);
        if (counts) denominator += N(client);
      }
    } else {
      for (const auto& [k, value] : contributions) denominator += N(cohort_[k]);
    }
    double after = before;
    for (const auto& [k, value] : contributions) {
      after += N(cohort_[k]) / denominator * (value - before);
    }
    return after;
  }

  double Release(const Target& target, const std::string& name, double before) const {
    if (config_.compensation && config_.scope == Scope::kDataset) return before;
    double denominator = 0;
    for (const CohortMember& client : cohort_) {
      bool counts = client.dataset == target.dataset;
      if (Shared(name) || config_.compensation) {
        if (config_.scope == Scope::kModality) counts = StringsMeet(client, target);
        if (config_.scope == Scope::kModalityExact) {
          counts = Contains(Word(client.modality), ModalityOfName(name));
        }
        if (config_.scope == Scope::kAll) counts = true;
      }
      const bool unscaled = config_.compensation && config_.scope == Scope::kModality;
      if (counts) denominator += N(client) * (unscaled ? 1 : ScaleOf(client, target));
    }
    double weight = before;
    for (const auto& [k, value] : Contributions(target, name)) {
      const double c = N(cohort_[k]) * ScaleOf(cohort_[k], target) / denominator;
      weight += c * (value - weight);
    }
    return weight;
  }

  double ScaleOf(const CohortMember& client, const Target& target) const {
    return client.modality == target.modality ? 1 : config_.out_modality_scale;
  }

  const std::vector<CohortMember> cohort_;
  const std::vector<Numbers> uploads_;
  const AggregationConfig config_;
};

}  // namespace tributary
