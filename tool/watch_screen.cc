#include "tool/watch_screen.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr size_t kLinesKept = 200;  // more than any terminal shows
constexpr size_t kLeastEvents = 4;

}  // namespace

std::string DatedLine(absl::Time when, const std::string& message) {
  return absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M:%S ", when, absl::LocalTimeZone()), message);
}

void WatchScreen::Take(const nlohmann::json& event) {
  const absl::Time when = absl::FromUnixMillis(event.value("unix_ms", int64_t{0}));
  if (!view_.has_value()) view_.emplace(when);
  view_->Apply(event);
  if (event.value("kind", "") == "progress") return;  // its news are in the view
  lines_.push_back(DatedLine(when, event.value("message", "")));
  if (lines_.size() > kLinesKept) lines_.pop_front();
}

std::vector<std::string> WatchScreen::Lines(absl::Time now, size_t rows) const {
  if (!view_.has_value()) return {"waiting for the coordinator's first event"};
  const size_t events = std::min(lines_.size(), kLeastEvents);
  std::vector<std::string> lines = view_->Lines(now, rows - events - 1);
  lines.emplace_back();
  const size_t room = std::min(lines_.size(), rows - std::min(rows, lines.size()));
  lines.insert(lines.end(), lines_.end() - static_cast<std::ptrdiff_t>(room), lines_.end());
  return lines;
}

}  // namespace tributary
