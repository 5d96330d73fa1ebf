#include "common/data/dataset_layout.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tributary {

std::string ClientFolder(int client) { return absl::StrFormat("client-%02d", client); }

std::string OwnTestShardOf(int client) {
  return absl::StrCat(ClientFolder(client), "/", kOwnTestShard);
}

std::string TrainShardOf(int client) {
  return absl::StrCat(ClientFolder(client), "/", kTrainShard);
}

}  // namespace tributary
