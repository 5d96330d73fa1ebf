#include "server/initial_models.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/initial_state.h"
#include "common/model/pretrained.h"

namespace tributary {
namespace {

// Adds what a file gave to the note.
absl::Status Note(const std::string& key, const absl::StatusOr<PretrainedReport>& report,
                  InitialNote* note) {
  if (!report.ok()) return Annotate(report.status(), key);
  note->taken.insert(note->taken.end(), report->taken.begin(), report->taken.end());
  note->skipped.insert(note->skipped.end(), report->skipped.begin(), report->skipped.end());
  absl::StrAppend(&note->message, "; ", key, ": ", report->taken.size(), " tensors taken");
  if (!report->changed.empty()) {
    absl::StrAppend(&note->message, " (", absl::StrJoin(report->changed, ", "), ")");
  }
  if (!report->skipped.empty()) {
    absl::StrAppend(&note->message, ", ", report->skipped.size(), " skipped");
  }
  for (const std::string& difference : report->notes) {
    absl::StrAppend(&note->message, "; ", difference);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InitialModels> MakeInitialModels(const RunContext& context) {
  const InitConfig& init = context.config.init;
  InitialModels models;
  for (const auto& [name, dataset] : context.datasets) {
    ASSIGN_OR_RETURN(StateDict global, InitialState(dataset.spec, dataset.config.modality,
                                                    context.config.seed, name));
    InitialNote note{.dataset = name, .message = absl::StrCat("global model ", name)};
    if (!init.image.empty()) {
      RETURN_IF_ERROR(
          Note("init.image", TakeImageWeights(init.image, dataset.spec, &global), &note));
    }
    if (!init.text.empty() && dataset.config.modality != Modality::kImage) {
      RETURN_IF_ERROR(Note("init.text", TakeTextWeights(init.text, dataset.spec, &global), &note));
    }
    const std::set<std::string> taken(note.taken.begin(), note.taken.end());
    for (const StateDict::Entry& entry : global) {
      if (!taken.contains(entry.name)) note.random.push_back(entry.name);
    }
    absl::StrAppend(&note.message, "; ", note.random.size(), " tensors as drawn");
    if (!init.image.empty() || !init.text.empty()) models.notes.push_back(std::move(note));
    models.globals[name] = std::move(global);
  }
  return models;
}

}  // namespace tributary
