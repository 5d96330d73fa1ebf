// UploadQueue: whose turn it is to upload, where not all uploads fit into memory at once.
//
// An upload reserves its memory before it begins. Where there is none, its client waits: a question
// whether to push, for its answer; a push, unread, for its first chunk to be read. That is the
// back-pressure. Turns are taken in the order of arrival: the first in the queue begins as soon as
// its memory can be reserved.
//
// Waiting helps only while those who hold the memory come along. Where their line is so slow that
// they will not be there within kLongestTurn, the first in the queue begins without memory, which
// spills to a file, once it has waited for kPatience since the queue last moved. And a question is
// answered after kLongestTurn in any case, before its client gives up on it.
//
// A client waits at most once: what it asks or pushes next takes the place of what it asked before.
// So the queue is never longer than the cohort.
//
// Not thread-safe: LiveRound's mutex guards it. What is to be called is returned as Turns, so that
// the caller can let go of that mutex first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/aggregation/upload.h"

namespace tributary {

class UploadQueue {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(2);
  // Well below the 20 s that clients wait for an answer.
  static constexpr absl::Duration kLongestTurn = absl::Seconds(10);

  // Answers a question, or begins to read a push.
  using Turn = std::function<void()>;
  using Turns = std::vector<Turn>;
  enum class Kind { kQuestion, kPush };

  // What those who hold the memory are at.
  struct Load {
    uint64_t bytes_to_come = 0;  // of uploads that are under way in reserved memory
    int adding = 0;              // complete updates that are being added, and freed as they are
  };

  // `clock` must outlive the queue.
  explicit UploadQueue(const Clock* clock) : clock_(clock) {}

  // Puts `client` at the end of the queue, or, if it waits already, in its old place. Returns what
  // is to be called now: its older turn, which is moot; and `turn` itself, out of turn, if `upload`
  // has reserved its memory already.
  [[nodiscard]] Turns Wait(const std::string& client, Kind kind, std::shared_ptr<Upload> upload,
                           Turn turn);
  // Takes `client`, whose upload is given up, out of the queue. Returns its turn, which is moot.
  [[nodiscard]] Turns Withdraw(const std::string& client);
  // Takes everybody out: the round is closed.
  [[nodiscard]] Turns WithdrawAll();
  // Takes those out whose turn it is. `load` is asked for only if the first one is to be let in
  // without memory. To be called after each change, and now and then as the time goes by.
  [[nodiscard]] Turns Admit(absl::FunctionRef<Load()> load);

  // Memory was freed: those who wait have reason to be patient again.
  void MemoryFreed();
  // So many bytes have come of an upload in reserved memory.
  void Arrived(uint64_t bytes) { arrived_ += bytes; }

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string client;
    Kind kind;
    std::shared_ptr<Upload> upload;
    absl::Time since;  // it is in the queue
    absl::Time asked;  // the question that is answered
    Turn turn;
  };
  Turn Take(std::list<Entry>::iterator entry);
  bool IsOverdue(const Entry& first, absl::Time now, absl::FunctionRef<Load()> load) const;

  const Clock* const clock_;
  std::list<Entry> entries_;
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> places_;  // by client
  absl::Time moved_ = absl::InfinitePast();  // when memory was last given or freed
  uint64_t arrived_ = 0;                     // bytes since then
};

// Whether uploads that brought `arrived` bytes in `elapsed` are too slow to be waited for: at that
// rate they take longer than UploadQueue::kLongestTurn to the end.
bool TooSlow(const UploadQueue::Load& load, uint64_t arrived, absl::Duration elapsed);

}  // namespace tributary
