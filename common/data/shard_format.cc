#include "common/data/shard_format.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr char kPixels[] = "pixels", kOriginal[] = "original";

absl::StatusOr<ImageStorage> ParseStorage(const std::string& word) {
  if (word == kPixels) return ImageStorage::kPixels;
  if (word == kOriginal) return ImageStorage::kOriginal;
  return absl::DataLossError(absl::StrCat("image storage \"", word, "\" is unknown"));
}

}  // namespace

// The names are part of the format (docs/shards.md). One that is added must have a default in
// ShardInfoFromJson(), or kShardMagic must change.
nlohmann::json ShardInfoToJson(const ShardInfo& info) {
  return {{"dataset", info.dataset},
          {"modality", std::string(ModalityName(info.modality))},
          {"part", info.part},
          {"rows", info.rows},
          {"images", info.images},
          {"storage", info.storage == ImageStorage::kPixels ? kPixels : kOriginal},
          {"image_size", info.image_size},
          {"channels", info.channels},
          {"classes", info.classes},
          {"mean", info.mean},
          {"deviation", info.deviation}};
}

absl::StatusOr<ShardInfo> ShardInfoFromJson(const nlohmann::json& json) {
  ShardInfo info;
  ASSIGN_OR_RETURN(info.modality, ParseModality(json.at("modality").get<std::string>()));
  ASSIGN_OR_RETURN(info.storage, ParseStorage(json.at("storage").get<std::string>()));
  info.dataset = json.at("dataset").get<std::string>();
  info.part = json.at("part").get<std::string>();
  info.rows = json.at("rows").get<int64_t>();
  info.images = json.at("images").get<int64_t>();
  info.image_size = json.at("image_size").get<int64_t>();
  info.channels = json.at("channels").get<int64_t>();
  info.classes = json.at("classes").get<std::vector<std::string>>();
  info.mean = json.at("mean").get<std::vector<float>>();
  info.deviation = json.at("deviation").get<std::vector<float>>();
  return info;
}

}  // namespace tributary
