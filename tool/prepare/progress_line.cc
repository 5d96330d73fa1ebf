#include "tool/prepare/progress_line.h"

#include <cstdio>
#include <utility>

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/terminal.h"

namespace tributary {
namespace {

constexpr absl::Duration kBetween = absl::Milliseconds(200);

}  // namespace

ProgressLine::ProgressLine(std::string what)
    : what_(std::move(what)), terminal_(CanRepaint(STDERR_FILENO)), began_(absl::Now()) {}

void ProgressLine::Show(const PrepareProgress& progress) {
  const bool last = progress.done == progress.total;
  const int64_t tenth = progress.total > 0 ? 10 * progress.done / progress.total : 10;
  const absl::Time now = absl::Now();
  if (!last && (terminal_ ? now < shown_at_ + kBetween : tenth == shown_tenth_)) return;
  shown_at_ = now;
  shown_tenth_ = tenth;
  // Images of an interrupted run took no time in this one, so that they do not count in the speed.
  const auto worked = static_cast<double>(progress.done - progress.resumed);
  const double seconds = absl::ToDoubleSeconds(now - began_);
  const double speed = worked > 0 && seconds > 0 ? worked / seconds : 0;
  std::string line = absl::StrFormat("%s: %d of %d images", what_, progress.done, progress.total);
  if (progress.resumed > 0) absl::StrAppendFormat(&line, " (%d from before)", progress.resumed);
  if (speed > 0) {
    absl::StrAppendFormat(&line, ", %.0f images/s, about %.0f s left", speed,
                          static_cast<double>(progress.total - progress.done) / speed);
  }
  std::fprintf(stderr, "%s%s%s", terminal_ ? "\r" : "", line.c_str(),
               terminal_ && !last ? "   " : "   \n");
}

}  // namespace tributary
