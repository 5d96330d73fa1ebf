#include "common/data/prepare/prepare_report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/data/prepare/prepare.h"

namespace tributary {
namespace {

nlohmann::json ClientReport(int client, const std::vector<int64_t>& rows,
                            const std::vector<Sample>& samples, size_t classes) {
  std::vector<int64_t> counts(classes);
  std::set<std::string> owners;
  for (const int64_t row : rows) {
    const Sample& sample = samples[static_cast<size_t>(row)];
    if (classes > 0) ++counts[static_cast<size_t>(sample.label)];
    if (!sample.owner.empty()) owners.insert(sample.owner);
  }
  return {{"id", ClientFolder(client)},
          {"samples", rows.size()},
          {"class_counts", counts},
          {"owners", owners}};
}

nlohmann::json CaptionWords(const std::vector<Sample>& samples) {
  size_t least = ~size_t{0}, most = 0, sum = 0;
  for (const Sample& sample : samples) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(sample.text, ' ', absl::SkipEmpty());
    least = std::min(least, words.size());
    most = std::max(most, words.size());
    sum += words.size();
  }
  return {{"least", least},
          {"mean", static_cast<double>(sum) / static_cast<double>(samples.size())},
          {"most", most}};
}

std::string ClientLine(const nlohmann::json& client) {
  std::string line = absl::StrFormat("  %-10s %7d", client["id"].get<std::string>(),
                                     client["samples"].get<int64_t>());
  for (const auto& count : client["class_counts"]) {
    absl::StrAppendFormat(&line, " %4d", count.get<int64_t>());
  }
  const auto owners = client["owners"].get<std::vector<std::string>>();
  if (owners.size() > 1 || client["class_counts"].empty()) {
    absl::StrAppend(&line, "  ", absl::StrJoin(owners, ", "));
  }
  return line + "\n";
}

}  // namespace

nlohmann::json MakePrepareReport(const std::string& dataset, const SampleSet& set,
                                 const std::vector<Sample>& train, const std::vector<Sample>& test,
                                 const Partition& partition, const nlohmann::json& files) {
  nlohmann::json clients = nlohmann::json::array();
  size_t samples = 0;
  for (size_t client = 0; client < partition.size(); ++client) {
    clients.push_back(
        ClientReport(static_cast<int>(client), partition[client], train, set.classes.size()));
    samples += partition[client].size();
  }
  nlohmann::json report = {{"dataset", dataset},
                           {"modality", std::string(ModalityName(set.modality))},
                           {"samples", samples},
                           {"test_samples", test.size()},
                           {"classes", set.classes.size()},
                           {"class_names", set.classes},
                           {"clients", clients},
                           {"skipped", set.skipped.size()},
                           {"digest", Sha256Hex(files.dump())}};
  if (set.modality != Modality::kImage) report["caption_words"] = CaptionWords(train);
  return report;
}

std::string PrepareTable(const nlohmann::json& report) {
  std::string table = absl::StrFormat(
      "%s (%s): %d training samples, %d test samples, %d skipped%s\n",
      report["dataset"].get<std::string>(), report["modality"].get<std::string>(),
      report["samples"].get<int64_t>(), report["test_samples"].get<int64_t>(),
      report["skipped"].get<int64_t>(), report["fresh"].get<bool>() ? "" : " (prepared before)");
  if (report.contains("caption_words")) {
    const auto& words = report["caption_words"];
    absl::StrAppendFormat(&table, "  words in a text: %d to %d, %.1f on the average\n",
                          words["least"].get<int64_t>(), words["most"].get<int64_t>(),
                          words["mean"].get<double>());
  }
  const auto names = report["class_names"].get<std::vector<std::string>>();
  if (!names.empty()) absl::StrAppend(&table, "  classes: ", absl::StrJoin(names, " "), "\n");
  absl::StrAppend(&table, "  client     samples", names.empty() ? "  from" : " by class", "\n");
  for (const auto& client : report["clients"]) absl::StrAppend(&table, ClientLine(client));
  return table;
}

}  // namespace tributary
