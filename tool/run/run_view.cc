#include "tool/run/run_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/round/metrics_in_words.h"

namespace tributary {
namespace {

constexpr int kBarWidth = 30;

std::string Bar(double share) {
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  return absl::StrCat("[", std::string(static_cast<size_t>(full), '#'),
                      std::string(static_cast<size_t>(kBarWidth - full), '.'), "]");
}

std::string Seconds(absl::Duration duration) {
  return DurationInShort(absl::ToDoubleSeconds(duration));
}

std::string Text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Returns a copy, which callers keep in a variable: items() of a temporary would dangle in a loop.
nlohmann::json Object(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : nlohmann::json::object();
}

template <typename T>
T Number(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<T>() : T{};
}

std::string ClientLine(const std::string& name, const nlohmann::json& client) {
  const int step = Number<int>(client, "step"), steps = Number<int>(client, "steps");
  std::string line = absl::StrFormat("  %-22s %-9s", name, Text(client, "stage"));
  if (steps > 0) {
    absl::StrAppendFormat(&line, " step %4d/%-4d loss %.3f", step, steps,
                          Number<double>(client, "loss"));
  }
  return line;
}

std::string RetrievalRow(const std::string& name, const nlohmann::json& recalls) {
  return absl::StrFormat("  %-18s %6.2f  %6.2f  %6.2f\n", name, Number<double>(recalls, "r1"),
                         Number<double>(recalls, "r5"), Number<double>(recalls, "r10"));
}

// What a classifier reaches beside its accuracy; "" for results that have none of it.
std::string ClassificationRow(const nlohmann::json& task) {
  std::vector<std::string> parts;
  const auto percent = [&](const char* key, const char* label) {
    if (!task.contains(key)) return;
    parts.push_back(absl::StrFormat("%s %.2f %%", label, Number<double>(task, key)));
  };
  const auto plain = [&](const char* key, const char* label) {
    if (!task.contains(key)) return;
    parts.push_back(absl::StrFormat("%s %.4f", label, Number<double>(task, key)));
  };
  percent("balanced_accuracy", "balanced accuracy");
  percent("macro_f1", "macro F1");
  plain("auroc", "AUROC");
  plain("loss", "loss");
  return parts.empty() ? "" : absl::StrCat("  ", absl::StrJoin(parts, ", "), "\n");
}

std::string TaskRows(const std::string& name, const nlohmann::json& task) {
  if (Text(task, "kind") == "classification") {
    return absl::StrFormat("%s: accuracy %.2f %% (chance %.2f %%), %d samples\n", name,
                           Number<double>(task, "accuracy"),
                           Number<double>(task, "chance_accuracy"),
                           Number<int64_t>(task, "samples")) +
           ClassificationRow(task);
  }
  const nlohmann::json gallery = Object(task, "gallery");
  const double sum = Number<double>(task, "r1_sum"), chance = Number<double>(task, "chance_r1_sum");
  std::string rows =
      absl::StrFormat("%s: gallery of %d images, %d captions\n", name,
                      Number<int64_t>(gallery, "images"), Number<int64_t>(gallery, "captions"));
  absl::StrAppend(&rows, "  recall %                @1      @5     @10\n");
  absl::StrAppend(&rows, RetrievalRow("image to text", Object(task, "i2t")));
  absl::StrAppend(&rows, RetrievalRow("text to image", Object(task, "t2i")));
  absl::StrAppendFormat(&rows, "  R@1 sum            %6.2f  (chance %.2f; %.1f times chance)\n",
                        sum, chance, chance > 0 ? sum / chance : 0);
  return rows;
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return absl::StrFormat("%.2f GB", value / 1e9);
  if (bytes >= 1'000'000) return absl::StrFormat("%.1f MB", value / 1e6);
  return absl::StrFormat("%.0f kB", value / 1e3);
}

std::string RunView::CommittedLine(const nlohmann::json& data) {
  last_losses_ = LossesInShort(Object(data, "loss"));
  if (data.contains("tasks")) last_metrics_ = MetricsInShort(data["tasks"]);
  const auto up = Number<uint64_t>(data, "bytes_up"), down = Number<uint64_t>(data, "bytes_down");
  std::string bytes;
  if (up + down > 0) {  // central training moves none
    bytes = absl::StrCat("  up ", FormatBytes(up), "  down ", FormatBytes(down));
  }
  return absl::StrFormat("round %d/%d  %.1f s%s  loss %s%s%s", round_, rounds_,
                         Number<double>(data, "seconds"), bytes, last_losses_,
                         data.contains("tasks") ? "  | " : "",
                         data.contains("tasks") ? last_metrics_ : "");
}

std::string RunView::Apply(const nlohmann::json& event) {
  const std::string kind = Text(event, "kind"), message = Text(event, "message");
  const nlohmann::json data = Object(event, "data");
  if (kind == "listening") {
    address_ = Text(data, "address");
    return "";
  }
  if (kind == "error" || kind == "run_failed") {
    error_ = kind == "error" ? message : Text(data, "reason");
    return "";  // the caller prints it when the run ends
  }
  if (kind == "run_started") {
    method_ = Text(data, "method");
    rounds_ = Number<int>(data, "rounds");
    return message;
  }
  if (kind == "progress") {
    round_ = Number<int>(data, "round");
    if (const int rounds = Number<int>(data, "rounds"); rounds > 0) rounds_ = rounds;
    phase_ = Text(data, "phase");
    waiting_ = Text(data, "waiting");
    bytes_up_ = Number<uint64_t>(data, "bytes_up");
    bytes_down_ = Number<uint64_t>(data, "bytes_down");
    clients_.clear();
    const nlohmann::json clients = Object(data, "clients");
    for (const auto& [name, client] : clients.items()) clients_[name] = client;
    return "";
  }
  if (kind == "round_started") {
    round_ = Number<int>(data, "round");
    if (first_round_ == absl::InfiniteFuture()) {
      first_round_ = absl::FromUnixMillis(Number<int64_t>(event, "unix_ms"));
      first_round_number_ = round_;
    }
    return "";
  }
  if (kind == "round_committed") return CommittedLine(data);
  if (kind == "run_finished") {
    finished_ = true;
    result_ = Object(data, "result");
    return "";
  }
  // The best round is told with the result.
  return kind == "update_accepted" || kind == "best_models" ? "" : message;
}

std::vector<std::string> RunView::Lines(absl::Time now, size_t most) const {
  std::vector<std::string> lines;
  const double done = rounds_ > 0 ? static_cast<double>(std::max(0, round_ - 1)) / rounds_ : 0;
  std::string times = absl::StrCat("elapsed ", Seconds(now - began_));
  const int since_start = round_ - first_round_number_;
  if (since_start > 0 && now > first_round_) {
    // The round in progress counts as half done on both sides of the estimate.
    const absl::Duration each = (now - first_round_) / (since_start + 0.5);
    absl::StrAppend(&times, ", about ", Seconds(each * (rounds_ - round_ + 0.5)), " left");
  }
  lines.push_back(
      absl::StrFormat("%s  round %d of %d  %s  %s", method_, round_, rounds_, Bar(done), times));
  lines.push_back(absl::StrCat("  ", phase_, waiting_.empty() ? "" : ": ", waiting_));
  std::vector<std::string> below;
  if (bytes_up_ + bytes_down_ > 0) {
    below.push_back(
        absl::StrCat("  bytes up ", FormatBytes(bytes_up_), ", down ", FormatBytes(bytes_down_)));
  }
  if (!last_losses_.empty()) below.push_back(absl::StrCat("  loss ", last_losses_));
  if (!last_metrics_.empty()) below.push_back(absl::StrCat("  ", last_metrics_));
  const size_t others = lines.size() + below.size();
  const std::vector<std::string> clients = ClientLines(most > others ? most - others : 1);
  lines.insert(lines.end(), clients.begin(), clients.end());
  lines.insert(lines.end(), below.begin(), below.end());
  return lines;
}

std::vector<std::string> RunView::ClientLines(size_t most) const {
  std::vector<std::string> lines;
  if (clients_.size() <= most) {
    for (const auto& [name, client] : clients_) lines.push_back(ClientLine(name, client));
    return lines;
  }
  // Those at work first, then those that are missed: they are what somebody looks for.
  const auto rank = [](const std::string& stage) {
    if (stage == "absent") return 1;
    return stage == "idle" || stage == "reported" ? 2 : 0;
  };
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [name, client] : clients_) {
    order.emplace_back(rank(Text(client, "stage")), name);
  }
  std::sort(order.begin(), order.end());
  std::map<std::string, int> left_out;  // by stage
  for (size_t i = 0; i < order.size(); ++i) {
    const nlohmann::json& client = clients_.at(order[i].second);
    if (i + 1 < most) {
      lines.push_back(ClientLine(order[i].second, client));
    } else {
      ++left_out[Text(client, "stage")];
    }
  }
  std::vector<std::string> counts;
  for (const auto& [stage, count] : left_out) counts.push_back(absl::StrCat(count, " ", stage));
  lines.push_back(
      absl::StrCat("  and ", order.size() - lines.size(), " more: ", absl::StrJoin(counts, ", ")));
  return lines;
}

std::string ResultTable(const nlohmann::json& result) {
  std::string table =
      absl::StrFormat("\nmethod %s, %d rounds, seed %d\n", Text(result, "method"),
                      Number<int>(result, "rounds"), Number<int64_t>(result, "seed"));
  const nlohmann::json tasks = Object(result, "tasks");
  for (const auto& [name, task] : tasks.items()) {
    absl::StrAppend(&table, TaskRows(name, task));
  }
  if (const nlohmann::json best = Object(result, "best"); !best.empty()) {
    absl::StrAppendFormat(&table, "best round %d: %s %.4g (models in best/)\n",
                          Number<int>(best, "round"), Text(best, "metric"),
                          Number<double>(best, "value"));
  }
  const std::string stopped = Text(result, "stopped_early");
  if (!stopped.empty()) absl::StrAppend(&table, "stopped early: ", stopped, "\n");
  const auto up = Number<uint64_t>(result, "bytes_up");
  const auto down = Number<uint64_t>(result, "bytes_down");
  if (up + down > 0) {
    absl::StrAppend(&table, "bytes up ", FormatBytes(up), ", down ", FormatBytes(down), "; ");
  }
  absl::StrAppendFormat(&table, "%.0f s in rounds\n", Number<double>(result, "seconds"));
  return table;
}

}  // namespace tributary
