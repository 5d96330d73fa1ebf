#include "server/store/round_record.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {
namespace {

constexpr char kTrained[] = "trained";

// JSON has no NaN: it is written as null.
double NumberFrom(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

// Throws as nlohmann::json does.
UpdateRecord UpdateFrom(const nlohmann::json& json) {
  return {.dataset = json.at("dataset").get<std::string>(),
          .samples = json.at("samples").get<uint64_t>(),
          .bytes = json.at("bytes").get<uint64_t>(),
          .loss = NumberFrom(json.at("loss")),
          .first_loss = NumberFrom(json.at("first_loss")),
          .steps = json.at("steps").get<uint32_t>(),
          .train_seconds = NumberFrom(json.at("train_seconds")),
          .peak_rss_bytes = NumberFrom(json.at("peak_rss_bytes"))};
}

}  // namespace

nlohmann::json UpdatesToJson(const std::map<std::string, UpdateRecord>& updates) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [client, update] : updates) {
    json[client] = {{"dataset", update.dataset},
                    {"samples", update.samples},
                    {"bytes", update.bytes},
                    {"loss", update.loss},
                    {"first_loss", update.first_loss},
                    {"steps", update.steps},
                    {"train_seconds", update.train_seconds},
                    {"peak_rss_bytes", update.peak_rss_bytes}};
    if (update.trained.has_value()) json[client][kTrained] = ToJson(*update.trained);
  }
  return json;
}

absl::StatusOr<std::map<std::string, UpdateRecord>> UpdatesFromJson(const nlohmann::json& updates) {
  if (!updates.is_object()) return absl::InvalidArgumentError("the updates are no JSON object");
  std::map<std::string, UpdateRecord> result;
  for (const auto& [client, update] : updates.items()) {
    try {
      result[client] = UpdateFrom(update);
      if (!update.contains(kTrained)) continue;
      absl::StatusOr<std::map<std::string, TaskMetrics>> trained =
          TasksFromJson({{kTrained, update.at(kTrained)}});
      if (!trained.ok()) return Annotate(trained.status(), absl::StrCat("client ", client));
      result[client].trained = std::move(trained->at(kTrained));
    } catch (const nlohmann::json::exception& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("the update of client ", client, " cannot be read: ", error.what()));
    }
  }
  return result;
}

std::map<std::string, double> MeanLosses(const std::map<std::string, UpdateRecord>& updates) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const auto& [client, update] : updates) {
    auto& [sum, count] = sums[update.dataset];
    sum += update.loss;
    ++count;
  }
  std::map<std::string, double> losses;
  for (const auto& [dataset, sum] : sums) losses[dataset] = sum.first / sum.second;
  return losses;
}

}  // namespace tributary
