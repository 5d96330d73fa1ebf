#include "tool/export/run_model.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"
#include "server/store/committed_models.h"

namespace tributary {
namespace {

// The datasets of which the folder has final models.
std::vector<std::string> FinalModelsOf(const std::string& run) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run + "/models", error)) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Adds what models.json says of the dataset. A folder without one is of an older version.
absl::Status AddCard(const std::string& run, const std::string& dataset, FileMetadata* metadata) {
  const std::string path = absl::StrCat(run, "/", kModelCards);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  const nlohmann::json cards = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto found = cards.is_object() ? cards.find(dataset) : cards.end();
  bool good = found != cards.end() && found->is_object();
  if (good) {
    for (const auto& [key, value] : found->items()) {
      good = good && value.is_string();
      if (value.is_string()) (*metadata)[key] = value.get<std::string>();
    }
  }
  if (good) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, " says nothing, or nothing that can be read, of ", dataset,
      "; start the run once more with the same command: the coordinator writes it anew"));
}

absl::StatusOr<RunModel> ReadFinal(const std::string& run, const std::string& dataset) {
  const std::string path = absl::StrCat(run, "/models/", dataset, ".safetensors");
  const auto file = SafetensorsFile::Open(path);
  if (absl::IsNotFound(file.status())) {
    const std::vector<std::string> models = FinalModelsOf(run);
    return absl::NotFoundError(absl::StrCat(
        path, " is not there; ",
        models.empty() ? absl::StrCat(run, " holds no finished run and no run.db of one under way")
                       : absl::StrCat("the run has models of ", absl::StrJoin(models, ", "))));
  }
  RETURN_IF_ERROR(file.status());
  RunModel model{.global = {}, .metadata = (*file)->metadata()};
  ASSIGN_OR_RETURN(model.global, ReadSafetensors(path));
  return model;
}

}  // namespace

absl::StatusOr<RunModel> ReadRunModel(const std::string& run, const std::string& dataset,
                                      std::optional<int> round) {
  RunModel model;
  if (HoldsRun(run)) {
    ASSIGN_OR_RETURN(CommittedModel committed, ReadCommittedModel(run, dataset, round));
    model.global = std::move(committed.global);
    // The final model's file tells the shape where an older version wrote no models.json.
    const auto file = SafetensorsFile::Open(absl::StrCat(run, "/models/", dataset, ".safetensors"));
    if (file.ok()) model.metadata = (*file)->metadata();
    model.metadata.erase("model_hash");  // of the final models, which these need not be
    model.metadata["round"] = absl::StrCat(committed.round);
  } else if (round.has_value()) {
    return absl::NotFoundError(absl::StrCat(run, " holds no run.db, and so no checkpoint of round ",
                                            *round,
                                            "; without --round, the final model is exported"));
  } else {
    ASSIGN_OR_RETURN(model, ReadFinal(run, dataset));
  }
  RETURN_IF_ERROR(AddCard(run, dataset, &model.metadata));
  return model;
}

absl::StatusOr<RunModel> ReadBestModel(const std::string& run, const std::string& dataset) {
  const std::string path = absl::StrCat(run, "/best/best.json");
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(
        path,
        " is not there; a run keeps its best models if its run file sets evaluation.best, "
        "from its first evaluated round on"));
  }
  RETURN_IF_ERROR(text.status());
  RunModel model;
  ASSIGN_OR_RETURN(model.global,
                   ReadSafetensors(absl::StrCat(run, "/best/", dataset, ".safetensors")));
  // best/ is replaced as a whole: with the same description before and after, the tensors are its.
  const absl::StatusOr<std::string> after = ReadFile(path);
  if (!after.ok() || *after != *text) {
    return absl::AbortedError(
        absl::StrCat("a better round was put into ", run, "/best meanwhile; export it again"));
  }
  const nlohmann::json best = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!best.is_object() || !best.contains("round")) {
    return absl::DataLossError(absl::StrCat(path, " is not as a coordinator writes it"));
  }
  RETURN_IF_ERROR(AddCard(run, dataset, &model.metadata));
  for (const char* key : {"round", "metric", "value", "model_hash"}) {
    if (!best.contains(key)) continue;
    const nlohmann::json& value = best[key];
    model.metadata[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return model;
}

}  // namespace tributary
