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
  std::shared_ptr<const Shard> test;           // this client's own test part; may be null
  std::shared_ptr<const Shard> public_set;     // of the run's method; may be null
  std::shared_ptr<const Tokenizer> tokenizer;  // null where neither holds texts
};

// Where a client's data are. All are folders that `tributary prepare` made, but the vocabulary.
struct ClientDataPlaces {
  std::string folder{};      // holds train.shard and, unless `test` says another place, test.shard
  std::string test{};        // holds test.shard; empty: `folder`, where it may be missing
  std::string public_set{};  // holds train.shard; empty: none
  std::string vocabulary{};  // file; empty: the one that ships
};

// Opens the shards and, if one of them holds texts, the vocabulary. NotFound, DataLoss or
// FailedPrecondition name the file and what to do; FailedPrecondition also where the test part was
// not made by the schema of the training part. Reads the whole shards once: damage is found before
// the client joins.
absl::StatusOr<ClientData> OpenClientData(const ClientDataPlaces& places);

// The description of a client's data that the coordinator is sent: no sample is in it.
v1::DataCard CardOf(const ClientData& data);

}  // namespace tributary
