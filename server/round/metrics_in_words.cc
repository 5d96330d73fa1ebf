#include "server/round/metrics_in_words.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

double Number(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

}  // namespace

std::string MetricsInShort(const nlohmann::json& tasks) {
  if (!tasks.is_object()) return "";
  std::vector<std::string> parts;
  for (const auto& [name, task] : tasks.items()) {
    if (!task.is_object()) continue;
    if (task.contains("kind") && task["kind"] == "classification") {
      parts.push_back(absl::StrFormat("%s %.1f %%", name, Number(task, "accuracy")));
    } else {
      parts.push_back(absl::StrFormat("%s R@1 sum %.2f (chance %.2f)", name, Number(task, "r1_sum"),
                                      Number(task, "chance_r1_sum")));
    }
  }
  return absl::StrJoin(parts, ", ");
}

std::string LossesInShort(const nlohmann::json& losses) {
  if (!losses.is_object()) return "";
  std::vector<std::string> parts;
  for (const auto& [dataset, loss] : losses.items()) {
    if (loss.is_number()) parts.push_back(absl::StrFormat("%s %.3f", dataset, loss.get<double>()));
  }
  return absl::StrJoin(parts, ", ");
}

std::string DurationInShort(double seconds) {
  const auto whole = static_cast<int64_t>(std::clamp(seconds, 0.0, 1e12));
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace tributary
