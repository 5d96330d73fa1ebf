#include "preparation/shards/journal.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

nlohmann::json ToJson(const ImageOutcome& outcome) {
  nlohmann::json json = {{"bytes", outcome.bytes},
                         {"content", outcome.content},
                         {"source_bytes", outcome.source_bytes},
                         {"source", outcome.source}};
  if (!outcome.skipped.empty()) json["skipped"] = outcome.skipped;
  const ImageTraits& traits = outcome.traits;
  if (traits.orientation != 1) json["orientation"] = traits.orientation;
  if (traits.more_frames) json["more_frames"] = true;
  if (traits.deep) json["levels"] = {traits.lowest, traits.highest};
  return json;
}

bool FromLine(const std::string& line, ImageOutcome* outcome) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return false;
  outcome->bytes = json.value("bytes", uint64_t{0});
  outcome->content = json.value("content", uint64_t{0});
  outcome->source_bytes = json.value("source_bytes", uint64_t{0});
  outcome->source = json.value("source", uint64_t{0});
  outcome->skipped = json.value("skipped", "");
  ImageTraits& traits = outcome->traits;
  traits.orientation = json.value("orientation", 1);
  traits.more_frames = json.value("more_frames", false);
  traits.deep = json.contains("levels");
  if (!traits.deep) return true;
  const nlohmann::json& levels = json["levels"];
  if (!levels.is_array() || levels.size() != 2 || !levels[0].is_number_integer() ||
      !levels[1].is_number_integer()) {
    return false;
  }
  traits.lowest = levels[0].get<int64_t>();
  traits.highest = levels[1].get<int64_t>();
  return true;
}

}  // namespace

std::vector<ImageOutcome> ReadJournal(const std::string& path, const std::string& fingerprint,
                                      size_t most) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return {};
  // Of another preparation (other options, or a source that changed): nothing of it can be used.
  const nlohmann::json head = nlohmann::json::parse(line, nullptr, false);
  if (!head.is_object() || head.value("fingerprint", "") != fingerprint) return {};
  std::vector<ImageOutcome> outcomes;
  while (outcomes.size() < most && std::getline(file, line)) {
    ImageOutcome outcome;
    if (file.eof() || !FromLine(line, &outcome)) break;  // no line end: cut short
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

Journal::Journal(const std::string& path, const std::string& fingerprint,
                 const std::vector<ImageOutcome>& outcomes)
    : path_(path), file_(path, std::ios::trunc) {
  // Written anew with what was taken over: behind a line that is cut short nothing can be appended.
  file_ << nlohmann::json{{"fingerprint", fingerprint}}.dump() << '\n';
  for (const ImageOutcome& outcome : outcomes) Append(outcome);
}

void Journal::Append(const ImageOutcome& outcome) {
  file_ << ToJson(outcome).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

absl::Status Journal::Flush() {
  if (file_.flush()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path_, "; is the disk full?"));
}

}  // namespace tributary
