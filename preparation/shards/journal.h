// Journal: how far the writing of one shard has come, so that it can go on there after a crash.
//
// Beside "<shard>.part" lies "<shard>.journal", one JSON object per line: first {"fingerprint"} of
// the preparation, then for each image, in the shard's order, {"bytes", "content", "source_bytes",
// "source"} or, if it was left out, {"skipped"} as well; what is special of an
// image file stands in {"orientation", "more_frames", "levels": [lowest, highest]}. A line that is
// cut short, and all after it, counts for nothing.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "preparation/shards/image_decoding.h"

namespace tributary {

// What became of an image.
struct ImageOutcome {
  uint64_t bytes = 0;         // stored
  uint64_t content = 0;       // XXH3-64 of what is stored
  uint64_t source_bytes = 0;  // as published
  uint64_t source = 0;        // XXH3-64 of that
  std::string skipped;        // why it was left out; empty: it is in the shard
  ImageTraits traits{};
};

// What the journal at `path` holds, at most `most`; nothing if it is not there or is of another
// preparation.
std::vector<ImageOutcome> ReadJournal(const std::string& path, const std::string& fingerprint,
                                      size_t most);

class Journal {
 public:
  // Begins anew with `outcomes`.
  Journal(const std::string& path, const std::string& fingerprint,
          const std::vector<ImageOutcome>& outcomes);

  void Append(const ImageOutcome& outcome);
  // Hands what was appended to the system. Unavailable if the disk refused anything.
  absl::Status Flush();

 private:
  const std::string path_;
  std::ofstream file_;
};

}  // namespace tributary
