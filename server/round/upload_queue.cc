#include "server/round/upload_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tributary {

bool TooSlow(const UploadQueue::Load& load, uint64_t arrived, absl::Duration elapsed) {
  // Nobody uploads and nothing is added, so kept updates hold the memory until the merge: waiting
  // cannot help.
  if (load.bytes_to_come == 0) return load.adding == 0;
  // bytes_to_come / (arrived / elapsed) > kLongestTurn, without dividing by what may be 0.
  return static_cast<double>(load.bytes_to_come) * absl::ToDoubleSeconds(elapsed) >
         static_cast<double>(arrived) * absl::ToDoubleSeconds(UploadQueue::kLongestTurn);
}

UploadQueue::Turn UploadQueue::Take(std::list<Entry>::iterator entry) {
  Turn turn = std::move(entry->turn);
  places_.erase(entry->client);
  entries_.erase(entry);
  return turn;
}

UploadQueue::Turns UploadQueue::Wait(const std::string& client, Kind kind,
                                     std::shared_ptr<Upload> upload, Turn turn) {
  if (upload->reserved()) {  // it had its turn when it asked
    Turns now = Withdraw(client);
    now.push_back(std::move(turn));
    return now;
  }
  const absl::Time now = clock_->Now();
  const auto waiting = places_.find(client);
  if (waiting == places_.end()) {
    entries_.push_back({client, kind, std::move(upload), now, now, std::move(turn)});
    places_[client] = std::prev(entries_.end());
    return {};
  }
  // `since` stays: a client that asks again and again must not hold up those behind it by looking
  // newly arrived each time.
  Entry& entry = *waiting->second;
  entry.kind = kind;
  entry.upload = std::move(upload);
  entry.asked = now;
  return {std::exchange(entry.turn, std::move(turn))};
}

UploadQueue::Turns UploadQueue::Withdraw(const std::string& client) {
  const auto waiting = places_.find(client);
  if (waiting == places_.end()) return {};
  return {Take(waiting->second)};
}

UploadQueue::Turns UploadQueue::WithdrawAll() {
  Turns turns;
  while (!entries_.empty()) turns.push_back(Take(entries_.begin()));
  return turns;
}

void UploadQueue::MemoryFreed() {
  moved_ = clock_->Now();
  arrived_ = 0;
}

bool UploadQueue::IsOverdue(const Entry& first, absl::Time now,
                            absl::FunctionRef<Load()> load) const {
  if (now - std::max(first.since, moved_) < kPatience) return false;
  return TooSlow(load(), arrived_, now - moved_);
}

UploadQueue::Turns UploadQueue::Admit(absl::FunctionRef<Load()> load) {
  Turns turns;
  const absl::Time now = clock_->Now();
  while (!entries_.empty()) {
    const Entry& first = entries_.front();
    if (!first.upload->Reserve() && !IsOverdue(first, now, load)) break;
    turns.push_back(Take(entries_.begin()));
    moved_ = now;
    arrived_ = 0;
  }
  // A client whose question is answered out of turn pushes, and waits with that, unread.
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->kind == Kind::kQuestion && now - entry->asked >= kLongestTurn) {
      turns.push_back(Take(entry));
    }
    entry = next;
  }
  return turns;
}

}  // namespace tributary
