// Where a prepared dataset keeps its shards: below the folder that `tributary prepare` was told as
// --out, and that run files call `path`.
//
//   client-00/train.shard, client-01/train.shard ...   a folder is all that a client gets to see
//   client-00/test.shard ...                           its own test part, with --client-test-share
//   test/test.shard                                    for the coordinator
#pragma once

#include <string>

namespace tributary {

inline constexpr char kTrainShard[] = "train.shard";   // in a client's folder
inline constexpr char kOwnTestShard[] = "test.shard";  // likewise: the client's own test part
inline constexpr char kTestShard[] = "test/test.shard";

// "client-07". `client`: from 0.
std::string ClientFolder(int client);

// "client-07/test.shard"
std::string OwnTestShardOf(int client);
// "client-07/train.shard"
std::string TrainShardOf(int client);

}  // namespace tributary
