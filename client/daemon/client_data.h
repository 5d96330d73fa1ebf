// What a client trains on: its shard, checked, and the tokenizer for its texts.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

struct ClientData {
  std::shared_ptr<const Shard> shard;
  std::shared_ptr<const Shard> public_set;     // of the run's method; may be null
  std::shared_ptr<const Tokenizer> tokenizer;  // null where neither holds texts
};

// Opens `folder`/train.shard, made by `tributary prepare`, `public_folder`/train.shard if that is
// not empty, and, if one of them holds texts, the vocabulary (`vocabulary`, or the one that ships
// if that is empty). NotFound, DataLoss or FailedPrecondition name the file and what to do. Reads
// the whole shards once: damage is found before the client joins.
absl::StatusOr<ClientData> OpenClientData(const std::string& folder,
                                          const std::string& public_folder,
                                          const std::string& vocabulary);

// The description of a shard that the coordinator is sent: no sample is in it.
v1::DataCard CardOf(const Shard& shard);

}  // namespace tributary
