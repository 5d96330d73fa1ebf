#include "server/round/best_models.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "server/round/run_result.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr char kBestJson[] = "/best.json";

std::optional<double> ValueOf(const RoundRecord& record, const BestMetric& metric) {
  const auto task = record.tasks.find(metric.dataset);
  if (task == record.tasks.end()) return std::nullopt;
  return MetricValue(task->second, metric.metric.name);
}

absl::Status Missing(const RoundRecord& record, const BestMetric& metric) {
  std::vector<absl::string_view> known;
  if (const auto task = record.tasks.find(metric.dataset); task != record.tasks.end()) {
    for (const MetricName& one : kMetricNames) {
      if (MetricValue(task->second, one.name).has_value()) known.push_back(one.name);
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("evaluation.best is \"", metric.text, "\", which the evaluation of round ",
                   record.round, " does not have: of ", metric.dataset, " it has ",
                   known.empty() ? "no metrics" : absl::StrJoin(known, ", "),
                   "; name one of these and start again"));
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), absl::StrCat("cannot rename ", from, " to ", to));
}

absl::Status Remove(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), absl::StrCat("cannot remove ", path));
}

}  // namespace

void TakeRound(const RoundRecord& record, const BestMetric& metric, bool kept,
               BestStanding* standing) {
  const std::optional<double> value = ValueOf(record, metric);
  standing->last_evaluated = value.has_value();
  if (!value.has_value()) return;
  const bool better = !standing->best.has_value() || metric.Better(*value, standing->best->value);
  if (kept && better) {
    standing->best = {.round = record.round, .value = *value, .model_hash = record.model_hash};
    standing->since = 0;
  } else if (standing->best.has_value()) {
    ++standing->since;
  }
}

absl::Status BestModels::Open(const std::vector<RoundRecord>& history) {
  const EvaluationConfig& config = context_->config.evaluation;
  if (config.best.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(metric_, ParseBestMetric(config.best, context_->config.datasets));
  RETURN_IF_ERROR(PickUpPieces());
  ASSIGN_OR_RETURN(const std::optional<int> stored, StoredRound());
  ASSIGN_OR_RETURN(std::set<int> kept, store_->Checkpoints());
  if (stored.has_value()) kept.insert(*stored);
  for (const RoundRecord& record : history) {
    TakeRound(record, *metric_, kept.contains(record.round), &standing_);
  }
  if (!standing_.best.has_value() || standing_.best->round == stored) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ModelSet models, store_->Load(standing_.best->round));
  return Write(models);
}

absl::StatusOr<bool> BestModels::Take(const RoundRecord& record, const ModelSet& models) {
  if (!metric_.has_value()) return false;
  // Where only clients evaluate, those who have the dataset may all have been too late.
  if (context_->config.EvaluatesOnServer() && !record.tasks.empty() &&
      !ValueOf(record, *metric_).has_value()) {
    return Missing(record, *metric_);
  }
  TakeRound(record, *metric_, /*kept=*/true, &standing_);
  if (!standing_.best.has_value() || standing_.best->round != record.round) return false;
  RETURN_IF_ERROR(Write(models));
  return true;
}

nlohmann::json BestModels::ToJson() const {
  if (!standing_.best.has_value()) return nullptr;
  return {{"round", standing_.best->round},
          {"metric", metric_->text},
          {"value", standing_.best->value},
          {"model_hash", standing_.best->model_hash}};
}

std::optional<std::string> BestModels::ReasonToStop() const {
  const int patience = context_->config.evaluation.patience;
  // The models that the run ends with must be evaluated ones.
  if (patience == 0 || !standing_.last_evaluated || standing_.since < patience) {
    return std::nullopt;
  }
  return absl::StrCat(metric_->text, " has not improved on ", standing_.best->value, " of round ",
                      standing_.best->round, " in ", standing_.since,
                      " evaluations (evaluation.patience = ", patience, ")");
}

std::optional<std::string> AddBest(const BestModels& models, int rounds, nlohmann::json* result) {
  if (models.best().has_value()) (*result)["best"] = models.ToJson();
  const std::optional<std::string> reason = models.ReasonToStop();
  if (!reason.has_value() || result->at("rounds") >= rounds) return std::nullopt;
  (*result)["stopped_early"] = *reason;
  return reason;
}

absl::Status BestModels::PickUpPieces() const {
  RETURN_IF_ERROR(Remove(Folder() + ".part"));
  // A kill between the two renames of Write() leaves the old folder under this name.
  std::error_code error;
  if (!fs::exists(Folder(), error) && fs::exists(Folder() + ".old", error)) {
    return Rename(Folder() + ".old", Folder());
  }
  return Remove(Folder() + ".old");
}

absl::StatusOr<std::optional<int>> BestModels::StoredRound() const {
  const std::string path = Folder() + kBestJson;
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status());
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.value("round", nlohmann::json()).is_number_integer() ||
      !json.value("metric", nlohmann::json()).is_string()) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged: expected round and metric; remove the folder ", Folder(),
                     ", and the best of the rounds to come is kept"));
  }
  // Of another metric: to be chosen anew.
  if (json["metric"].get<std::string>() != metric_->text) return std::nullopt;
  return json["round"].get<int>();
}

absl::Status BestModels::Write(const ModelSet& models) const {
  const std::string part = Folder() + ".part", old = Folder() + ".old";
  RETURN_IF_ERROR(WriteModels(part, *context_, standing_.best->model_hash, models));
  RETURN_IF_ERROR(WriteFileAtomically(part + kBestJson, ToJson().dump(2) + "\n"));
  std::error_code error;
  if (fs::exists(Folder(), error)) RETURN_IF_ERROR(Rename(Folder(), old));
  RETURN_IF_ERROR(Rename(part, Folder()));
  RETURN_IF_ERROR(SyncFile(Folder()));
  return Remove(old);
}

}  // namespace tributary
