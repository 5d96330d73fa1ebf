#include "server/round/events.h"

#include <cerrno>
#include <fstream>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {
namespace {

constexpr size_t kRecentEvents = 4096;

// The sequence number of the last whole line of a log; 0 if there is none.
uint64_t LastSequence(const std::string& path) {
  std::ifstream file(path);
  uint64_t last = 0;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_object() && event.contains("sequence") && event["sequence"].is_number_unsigned()) {
      last = event["sequence"].get<uint64_t>();
    }
  }
  return last;
}

bool EndsMidLine(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

}  // namespace

nlohmann::json RunEvent::ToJson() const {
  return {{"sequence", sequence},
          {"unix_ms", unix_ms},
          {"kind", kind},
          {"message", message},
          {"data", data}};
}

bool RunEvent::EndsRun() const {
  return kind == "run_finished" || kind == "run_stopped" || kind == "run_failed";
}

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(const std::string& path,
                                                         const Clock* clock) {
  if (path.empty()) return std::unique_ptr<EventLog>(new EventLog(nullptr, 1, clock));
  const uint64_t last = LastSequence(path);
  const bool cut = EndsMidLine(path);
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
  if (cut) std::fputc('\n', file);
  return std::unique_ptr<EventLog>(new EventLog(file, last + 1, clock));
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

int EventLog::Subscribe(uint64_t first_sequence, Subscriber subscriber) {
  absl::MutexLock lock(&mutex_);
  for (const RunEvent& event : recent_) {
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
