#include "server/round/events.h"

#include <cerrno>
#include <fstream>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "common/base/rfc3339.h"
#include "common/base/status.h"

namespace tributary {
namespace {

constexpr size_t kRecentEvents = 4096;

// What a whole line of a log tells; nothing for a line that a crash cut short.
std::optional<RunEvent> EventOf(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("sequence") || !json["sequence"].is_number_unsigned()) {
    return std::nullopt;
  }
  RunEvent event;
  event.past = true;
  event.sequence = json["sequence"].get<uint64_t>();
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  event.kind = text("kind");
  event.message = text("message");
  const auto when = json.find("unix_ms");
  if (when != json.end() && when->is_number_integer()) event.unix_ms = when->get<int64_t>();
  if (json.contains("data")) event.data = json["data"];
  return event;
}

// The last events of a log.
std::deque<RunEvent> LastEvents(const std::string& path) {
  std::ifstream file(path);
  std::deque<RunEvent> events;
  for (std::string line; std::getline(file, line);) {
    std::optional<RunEvent> event = EventOf(line);
    if (!event.has_value()) continue;
    events.push_back(*std::move(event));
    if (events.size() > kRecentEvents) events.pop_front();
  }
  return events;
}

bool EndsMidLine(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

}  // namespace

nlohmann::json RunEvent::ToJson() const {
  return {{"sequence", sequence}, {"time", Rfc3339(absl::FromUnixMillis(unix_ms))},
          {"unix_ms", unix_ms},   {"kind", kind},
          {"message", message},   {"data", data}};
}

bool RunEvent::EndsRun() const {
  return !past && (kind == "run_finished" || kind == "run_stopped" || kind == "run_failed");
}

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(const std::string& path,
                                                         const Clock* clock) {
  if (path.empty()) return std::unique_ptr<EventLog>(new EventLog(nullptr, {}, clock));
  std::deque<RunEvent> past = LastEvents(path);
  const bool cut = EndsMidLine(path);
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
  if (cut) std::fputc('\n', file);
  return std::unique_ptr<EventLog>(new EventLog(file, std::move(past), clock));
}

EventLog::~EventLog() {
  if (file_ != nullptr) std::fclose(file_);
}

RunEvent EventLog::MakeEvent(absl::string_view kind, absl::string_view message,
                             nlohmann::json data) const {
  return {.sequence = next_sequence_,
          .unix_ms = absl::ToUnixMillis(clock_->Now()),
          .kind = std::string(kind),
          .message = std::string(message),
          .data = std::move(data)};
}

void EventLog::Emit(absl::string_view kind, absl::string_view message, nlohmann::json data) {
  absl::MutexLock lock(&mutex_);
  RunEvent event = MakeEvent(kind, message, std::move(data));
  ++next_sequence_;
  Append(event);
  Publish(event);
  recent_.push_back(std::move(event));
  if (recent_.size() > kRecentEvents) recent_.pop_front();
}

void EventLog::EmitLive(absl::string_view kind, absl::string_view message, nlohmann::json data) {
  absl::MutexLock lock(&mutex_);
  Publish(MakeEvent(kind, message, std::move(data)));
}

void EventLog::Append(const RunEvent& event) {
  if (file_ == nullptr) return;
  // Client-given text may not be UTF-8: replaced rather than thrown at.
  const std::string line =
      event.ToJson().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const bool written = std::fputs(line.c_str(), file_) >= 0 && std::fflush(file_) == 0;
  if (!written && !write_failed_) {
    spdlog::warn("{}", std::string(ErrnoStatus(errno, "cannot append to events.jsonl").message()));
  }
  write_failed_ = !written;
}

void EventLog::Publish(const RunEvent& event) {
  for (const auto& [id, subscriber] : subscribers_) subscriber(event);
}

int EventLog::Subscribe(uint64_t first_sequence, Subscriber subscriber, absl::Time since) {
  absl::MutexLock lock(&mutex_);
  for (const RunEvent& event : recent_) {
    if (event.past && absl::FromUnixMillis(event.unix_ms) < since) continue;
    if (event.sequence >= first_sequence) subscriber(event);
  }
  subscribers_.emplace(next_subscriber_, std::move(subscriber));
  return next_subscriber_++;
}

void EventLog::Unsubscribe(int id) {
  absl::MutexLock lock(&mutex_);
  subscribers_.erase(id);
}

}  // namespace tributary
