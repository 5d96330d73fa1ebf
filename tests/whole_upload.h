// An update as a client pushes it, but in one go: for tests of what comes after its arrival.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "common/base/status_macros.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/aggregator.h"

namespace tributary {

// Appends chunks [first, end) of `encoded`; the first error ends it.
inline absl::Status AppendChunks(const EncodedState& encoded, int ticket, Upload* upload,
                                 size_t first = 0, size_t end = ~size_t{0}) {
  for (size_t i = first; i < std::min(end, encoded.chunks().size()); ++i) {
    RETURN_IF_ERROR(upload->Append(ticket, std::string(encoded.chunks()[i])));
  }
  return absl::OkStatus();
}

// A new upload of `member` that holds all of `encoded`; the error of a chunk that is refused.
inline absl::StatusOr<std::shared_ptr<Upload>> WholeUpload(const Aggregator& aggregator,
                                                           const CohortMember& member,
                                                           const EncodedState& encoded,
                                                           std::unique_ptr<Spool> spool) {
  std::shared_ptr<Upload> upload = aggregator.NewUpload(member, encoded.bytes(), std::move(spool));
  upload->Claim(1);
  RETURN_IF_ERROR(AppendChunks(encoded, 1, upload.get()));
  return upload;
}

// The same, added.
inline absl::Status AddWhole(const CohortMember& member, const EncodedState& encoded,
                             std::unique_ptr<Spool> spool, Aggregator* aggregator,
                             int threads = 1) {
  ASSIGN_OR_RETURN(std::shared_ptr<Upload> upload,
                   WholeUpload(*aggregator, member, encoded, std::move(spool)));
  return aggregator->Add(member.client, std::move(upload), threads);
}

}  // namespace tributary
