#include "preparation/class_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace tributary {
namespace {

constexpr int kLeft = 110, kTop = 64, kBars = 560, kStep = 26, kBar = 18, kLegendWidth = 240;
constexpr size_t kMostNames = 20;
constexpr double kGoldenAngle = 137.508;  // neighbours in the order of classes look unlike

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Colour(size_t label) {
  const double hue = std::fmod(210 + kGoldenAngle * static_cast<double>(label), 360);
  return absl::StrFormat("hsl(%.0f,%d%%,%d%%)", hue, label % 2 == 0 ? 55 : 42,
                         label % 3 == 0 ? 50 : 62);
}

std::string Text(double x, double y, absl::string_view anchor, int size, const std::string& text) {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n", x, y, anchor,
      size, Escaped(text));
}

std::string Bar(double x, double y, double width, const std::string& colour,
                const std::string& title) {
  return absl::StrFormat(
      "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" "
      "fill=\"%s\"><title>%s</title></rect>\n",
      x, y, width, kBar, colour, Escaped(title));
}

struct Client {
  std::string id;
  int64_t samples = 0;
  std::vector<int64_t> counts;  // by class; empty for pairs
};

std::string ClientBar(const Client& client, const std::vector<std::string>& names, double y,
                      double scale) {
  std::string svg = Text(kLeft - 8, y + 13, "end", 12, client.id);
  double x = kLeft;
  for (size_t label = 0; label < client.counts.size(); ++label) {
    if (client.counts[label] == 0) continue;
    const double width = static_cast<double>(client.counts[label]) * scale;
    absl::StrAppend(&svg, Bar(x, y, width, Colour(label),
                              absl::StrCat(names[label], ": ", client.counts[label])));
    x += width;
  }
  if (client.counts.empty()) {
    const double width = static_cast<double>(client.samples) * scale;
    absl::StrAppend(&svg, Bar(x, y, width, Colour(0), absl::StrCat(client.samples, " samples")));
    x += width;
  }
  return svg + Text(x + 6, y + 13, "start", 11, absl::StrCat(client.samples));
}

std::string Legend(const std::vector<Client>& clients, const std::vector<std::string>& names) {
  std::vector<int64_t> totals(names.size());
  for (const Client& client : clients) {
    for (size_t i = 0; i < client.counts.size(); ++i) totals[i] += client.counts[i];
  }
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  if (order.size() > kMostNames) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return totals[a] > totals[b]; });
  }
  std::string svg;
  double y = kTop;
  const double x = kLeft + kBars + 70;
  for (size_t i = 0; i < std::min(order.size(), kMostNames); ++i, y += 17) {
    absl::StrAppendFormat(&svg,
                          "<rect x=\"%.0f\" y=\"%.0f\" width=\"11\" height=\"11\" fill=\"%s\"/>\n",
                          x, y, Colour(order[i]));
    absl::StrAppend(&svg, Text(x + 17, y + 10, "start", 11,
                               absl::StrCat(names[order[i]], "  ", totals[order[i]])));
  }
  if (order.size() > kMostNames) {
    absl::StrAppend(&svg, Text(x + 17, y + 10, "start", 11,
                               absl::StrCat("and ", order.size() - kMostNames, " more")));
  }
  return svg;
}

}  // namespace

std::string ClassPlot(const nlohmann::json& report) {
  const auto names = report.at("class_names").get<std::vector<std::string>>();
  std::vector<Client> clients;
  int64_t most = 1;
  for (const nlohmann::json& client : report.at("clients")) {
    clients.push_back({client.at("id").get<std::string>(), client.at("samples").get<int64_t>(),
                       client.at("class_counts").get<std::vector<int64_t>>()});
    most = std::max(most, clients.back().samples);
  }
  const auto rows = std::max(clients.size() * static_cast<size_t>(kStep),
                             (std::min(names.size(), kMostNames) + 1) * 17);
  const int height = kTop + static_cast<int>(rows) + 24;
  const int width = kLeft + kBars + 70 + (names.empty() ? 0 : kLegendWidth);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
      "font-family=\"sans-serif\" fill=\"#222\">\n<rect width=\"%d\" height=\"%d\" "
      "fill=\"#fff\"/>\n",
      width, height, width, height, width, height);
  absl::StrAppend(&svg, Text(kLeft, 24, "start", 16,
                             absl::StrCat(report.at("dataset").get<std::string>(),
                                          names.empty() ? ": samples" : ": samples by class",
                                          " of each client")));
  if (!names.empty()) {
    const double mean = report.at("divergence").at("mean").get<double>();
    absl::StrAppend(&svg,
                    Text(kLeft, 44, "start", 12,
                         absl::StrFormat("Jensen-Shannon divergence between clients: %.3f bits "
                                         "on the average of all pairs",
                                         mean)));
  }
  const double scale = static_cast<double>(kBars) / static_cast<double>(most);
  double y = kTop;
  for (const Client& client : clients) {
    absl::StrAppend(&svg, ClientBar(client, names, y, scale));
    y += kStep;
  }
  return svg + Legend(clients, names) + "</svg>\n";
}

}  // namespace tributary
