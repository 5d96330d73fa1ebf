#include "tool/sweep/sweep_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tributary {
namespace {

constexpr double kMegabyte = 1e6;

// The figures of one run by name.
std::map<std::string, double> FiguresOf(const nlohmann::json& result) {
  std::map<std::string, double> figures;
  for (const char* key : {"bytes_up", "bytes_down", "seconds"}) {
    figures[key] = result.value(key, 0.0);
  }
  const nlohmann::json tasks = result.value("tasks", nlohmann::json::object());
  for (const auto& [name, task] : tasks.items()) {
    for (const char* key : {"r1_sum", "accuracy"}) {
      if (task.contains(key)) figures[absl::StrCat(name, ".", key)] = task[key].get<double>();
    }
  }
  return figures;
}

// A column's head and a figure as it stands below it.
struct Column {
  std::string head;
  double unit = 1;
  int digits = 2;
};

Column ColumnOf(const std::string& figure) {
  if (figure == "bytes_up") return {"MB up", kMegabyte, 0};
  if (figure == "bytes_down") return {"MB down", kMegabyte, 0};
  if (figure == "seconds") return {"seconds", 1, 0};
  if (absl::EndsWith(figure, ".r1_sum")) {
    return {figure.substr(0, figure.size() - 7) + " R@1 sum", 1, 2};
  }
  return {figure.substr(0, figure.rfind('.')) + " %", 1, 2};
}

}  // namespace

Spread SpreadOf(const std::vector<double>& values) {
  Spread spread{.count = static_cast<int>(values.size())};
  if (values.empty()) return spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / spread.count;
  if (values.size() < 2) return spread;
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / (spread.count - 1));
  return spread;
}

nlohmann::json SweepSummary(const Sweep& sweep,
                            const std::vector<std::pair<std::string, nlohmann::json>>& results) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SweepRow& row : sweep.rows) {
    std::map<std::string, std::vector<double>> values;
    nlohmann::json seeds = nlohmann::json::array();
    for (const auto& [folder, result] : results) {
      if (!absl::StartsWith(folder, FolderOf(row.name) + "/")) continue;
      seeds.push_back(result.value("seed", 0));
      for (const auto& [figure, value] : FiguresOf(result)) values[figure].push_back(value);
    }
    nlohmann::json summary = {{"name", row.name}, {"set", row.overrides}, {"seeds", seeds}};
    for (const auto& [figure, list] : values) {
      const Spread spread = SpreadOf(list);
      summary["figures"][figure] = {{"count", spread.count},
                                    {"mean", spread.mean},
                                    {"deviation", spread.deviation},
                                    {"values", list}};
    }
    rows.push_back(std::move(summary));
  }
  return {{"run", sweep.run_file}, {"set", sweep.overrides}, {"rows", rows}};
}

std::string SweepTable(const nlohmann::json& summary) {
  std::vector<std::string> figures;  // tasks first, in the order of their names, then costs
  size_t width = 4;
  for (const nlohmann::json& row : summary.at("rows")) {
    width = std::max(width, row.at("name").get<std::string>().size());
    const nlohmann::json cells = row.value("figures", nlohmann::json::object());
    for (const auto& [figure, spread] : cells.items()) {
      if (std::find(figures.begin(), figures.end(), figure) == figures.end()) {
        figures.push_back(figure);
      }
    }
  }
  std::stable_partition(figures.begin(), figures.end(),
                        [](const std::string& figure) { return absl::StrContains(figure, '.'); });
  std::string table = absl::StrFormat("%-*s  runs", width, "row");
  for (const std::string& figure : figures) {
    absl::StrAppendFormat(&table, "  %20s", ColumnOf(figure).head);
  }
  for (const nlohmann::json& row : summary.at("rows")) {
    absl::StrAppendFormat(&table, "\n%-*s  %4d", width, row.at("name").get<std::string>(),
                          row.at("seeds").size());
    for (const std::string& figure : figures) {
      const nlohmann::json cells = row.value("figures", nlohmann::json::object());
      if (!cells.contains(figure)) {
        absl::StrAppendFormat(&table, "  %20s", "-");
        continue;
      }
      const Column column = ColumnOf(figure);
      const nlohmann::json& spread = cells.at(figure);
      absl::StrAppendFormat(
          &table, "  %20s",
          absl::StrFormat("%.*f +- %.*f", column.digits,
                          spread.at("mean").get<double>() / column.unit, column.digits,
                          spread.at("deviation").get<double>() / column.unit));
    }
  }
  return table + "\n";
}

}  // namespace tributary
