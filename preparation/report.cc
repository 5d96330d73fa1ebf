#include "preparation/report.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/data/dataset_layout.h"
#include "preparation/dealing/divergence.h"

namespace tributary {
namespace {

constexpr size_t kMostColumns = 26;
constexpr size_t kMostNoted = 10;  // names in a note
const char* const kBars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::vector<int64_t> CountClasses(const std::vector<int64_t>& rows,
                                  const std::vector<Sample>& samples, size_t classes) {
  std::vector<int64_t> counts(classes);
  for (const int64_t row : rows) {
    if (classes > 0) ++counts[static_cast<size_t>(samples[static_cast<size_t>(row)].label)];
  }
  return counts;
}

nlohmann::json ClientReport(int client, const std::vector<int64_t>& rows,
                            const std::vector<Sample>& samples, size_t classes) {
  std::set<std::string> owners;
  for (const int64_t row : rows) {
    const std::string& owner = samples[static_cast<size_t>(row)].owner;
    if (!owner.empty()) owners.insert(owner);
  }
  return {{"id", ClientFolder(client)},
          {"samples", rows.size()},
          {"class_counts", CountClasses(rows, samples, classes)},
          {"owners", owners}};
}

nlohmann::json TextWords(const Partition& train, const std::vector<Sample>& samples) {
  size_t least = ~size_t{0}, most = 0, sum = 0, count = 0;
  for (const std::vector<int64_t>& rows : train) {
    for (const int64_t row : rows) {
      const std::vector<absl::string_view> words =
          absl::StrSplit(samples[static_cast<size_t>(row)].text, ' ', absl::SkipEmpty());
      least = std::min(least, words.size());
      most = std::max(most, words.size());
      sum += words.size();
      ++count;
    }
  }
  if (count == 0) return {{"least", 0}, {"mean", 0.0}, {"most", 0}};
  return {{"least", least},
          {"mean", static_cast<double>(sum) / static_cast<double>(count)},
          {"most", most}};
}

nlohmann::json DivergenceReport(const nlohmann::json& clients) {
  std::vector<std::vector<int64_t>> histograms;
  for (const nlohmann::json& client : clients) {
    histograms.push_back(client["class_counts"].get<std::vector<int64_t>>());
  }
  const ClientDivergence divergence = DivergenceOf(histograms);
  return {{"least", divergence.least}, {"mean", divergence.mean}, {"most", divergence.most}};
}

std::string Bars(const std::vector<int64_t>& counts) {
  // Rounded up: a class with a single sample still shows.
  const int64_t most = std::max<int64_t>(1, *std::max_element(counts.begin(), counts.end()));
  std::string bars;
  for (const int64_t count : counts) absl::StrAppend(&bars, kBars[(count * 8 + most - 1) / most]);
  return bars;
}

std::string CountsInWords(const std::vector<int64_t>& counts, int width) {
  if (counts.size() > kMostColumns) {
    const auto held = std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; });
    return absl::StrFormat("%5d  %s", held, Bars(counts));
  }
  std::string line;
  for (const int64_t count : counts) absl::StrAppendFormat(&line, " %*d", width, count);
  return line;
}

std::string ClientLine(const nlohmann::json& client, int width) {
  const auto counts = client["class_counts"].get<std::vector<int64_t>>();
  std::string line = absl::StrFormat("  %-10s %7d", client["id"].get<std::string>(),
                                     client["samples"].get<int64_t>());
  if (!counts.empty()) absl::StrAppend(&line, CountsInWords(counts, width));
  const auto owners = client["owners"].get<std::vector<std::string>>();
  if (owners.size() > 1 || (counts.empty() && !owners.empty())) {
    absl::StrAppend(&line, "  ", absl::StrJoin(owners, ", "));
  }
  return line + "\n";
}

std::string Listed(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNoted);
  std::string list =
      absl::StrJoin(names.begin(), names.begin() + static_cast<int64_t>(shown), ", ");
  if (names.size() > shown) absl::StrAppend(&list, " and ", names.size() - shown, " more");
  return list;
}

// Classes that cannot be learned or tested, and clients that see one class alone.
void NoteClasses(nlohmann::json* report) {
  const auto classes = (*report)["class_names"].get<std::vector<std::string>>();
  if (classes.empty()) return;
  nlohmann::json& notes = (*report)["notes"];
  if (classes.size() == 1) {
    notes.push_back(absl::StrCat("there is one class only, ", classes[0],
                                 ": every model is right about it; is the label column the right ",
                                 "one?"));
    return;
  }
  const auto tested = (*report)["test_class_counts"].get<std::vector<int64_t>>();
  std::vector<int64_t> trained(classes.size());
  std::vector<std::string> one_class;
  for (const nlohmann::json& client : (*report)["clients"]) {
    const auto counts = client["class_counts"].get<std::vector<int64_t>>();
    for (size_t i = 0; i < counts.size(); ++i) trained[i] += counts[i];
    const auto held = std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; });
    if (held == 1) one_class.push_back(client["id"].get<std::string>());
  }
  std::vector<std::string> untrained, untested;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (trained[i] == 0) untrained.push_back(classes[i]);
    if (tested[i] == 0) untested.push_back(classes[i]);
  }
  if (!untrained.empty()) {
    notes.push_back(absl::StrCat("classes that no client holds a sample of: ", Listed(untrained)));
  }
  if (!untested.empty()) {
    notes.push_back(absl::StrCat("classes that the test holds no sample of: ", Listed(untested)));
  }
  if (!one_class.empty()) {
    notes.push_back(
        absl::StrCat("clients that hold samples of one class alone: ", Listed(one_class)));
  }
}

// Wide enough for the largest count of any client.
int WidthOf(const nlohmann::json& report) {
  int64_t most = 0;
  for (const nlohmann::json& client : report["clients"]) {
    for (const nlohmann::json& count : client["class_counts"])
      most = std::max(most, count.get<int64_t>());
  }
  return std::max<int>(4, static_cast<int>(absl::StrCat(most).size()));
}

std::string Heading(const nlohmann::json& report) {
  std::string table = absl::StrFormat(
      "%s (%s): %d training samples, %d test samples, %d skipped%s\n",
      report["dataset"].get<std::string>(), report["modality"].get<std::string>(),
      report["samples"].get<int64_t>(), report["test_samples"].get<int64_t>(),
      report["skipped"].get<int64_t>(), report.value("fresh", true) ? "" : " (prepared before)");
  for (const auto& [reason, count] : report["skipped_by_reason"].items()) {
    absl::StrAppendFormat(&table, "  skipped %d: %s\n", count.get<int64_t>(), reason);
  }
  if (report.contains("text_words")) {
    const auto& words = report["text_words"];
    absl::StrAppendFormat(&table, "  words in a text: %d to %d, %.1f on the average\n",
                          words["least"].get<int64_t>(), words["most"].get<int64_t>(),
                          words["mean"].get<double>());
  }
  return table;
}

}  // namespace

nlohmann::json MakePrepareReport(const std::string& dataset, const SampleSet& set,
                                 const Partition& train, const std::vector<int64_t>& test,
                                 const nlohmann::json& files) {
  nlohmann::json clients = nlohmann::json::array();
  size_t samples = 0;
  for (size_t client = 0; client < train.size(); ++client) {
    clients.push_back(
        ClientReport(static_cast<int>(client), train[client], set.train, set.classes.size()));
    samples += train[client].size();
  }
  std::map<std::string, int64_t> reasons;
  for (const SkippedSample& skipped : set.skipped) ++reasons[skipped.reason];
  // Reasons that name their culprit are as many as there are culprits; skipped.jsonl has them all.
  while (reasons.size() > kMostColumns) reasons.erase(std::prev(reasons.end()));
  nlohmann::json report = {{"dataset", dataset},
                           {"modality", std::string(ModalityName(set.modality))},
                           {"samples", samples},
                           {"test_samples", test.size()},
                           {"classes", set.classes.size()},
                           {"class_names", set.classes},
                           {"clients", clients},
                           {"test_class_counts", CountClasses(test, set.test, set.classes.size())},
                           {"skipped", set.skipped.size()},
                           {"skipped_by_reason", reasons},
                           {"notes", set.notes},
                           {"digest", Sha256Hex(files.dump())}};
  NoteClasses(&report);
  if (!set.classes.empty()) report["divergence"] = DivergenceReport(clients);
  if (set.modality != Modality::kImage) report["text_words"] = TextWords(train, set.train);
  return report;
}

std::string PrepareTable(const nlohmann::json& report) {
  std::string table = Heading(report);
  const auto names = report["class_names"].get<std::vector<std::string>>();
  const bool columns = names.size() <= kMostColumns;
  if (!names.empty() && columns) {
    absl::StrAppend(&table, "  classes: ", absl::StrJoin(names, ", "), "\n");
  }
  absl::StrAppend(&table, "  client     samples",
                  names.empty() ? "  from"
                  : columns     ? " by class"
                                : " held  of the classes, each client's largest as a full bar",
                  "\n");
  const int width = WidthOf(report);
  for (const auto& client : report["clients"]) absl::StrAppend(&table, ClientLine(client, width));
  if (report.contains("divergence")) {
    const auto& divergence = report["divergence"];
    absl::StrAppendFormat(
        &table,
        "  Jensen-Shannon divergence between clients: %.3f bits on the average of "
        "all pairs (%.3f to %.3f)\n",
        divergence["mean"].get<double>(), divergence["least"].get<double>(),
        divergence["most"].get<double>());
  }
  // Last, where they are read.
  for (const nlohmann::json& note : report.value("notes", nlohmann::json::array())) {
    absl::StrAppend(&table, "  note: ", note.get<std::string>(), "\n");
  }
  return table;
}

}  // namespace tributary
