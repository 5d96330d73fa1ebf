// The shard format's constants, which its reader and its writer share; shard.h has the layout.
#pragma once

#include <cstdint>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/shard.h"

namespace tributary {

inline constexpr absl::string_view kShardMagic = "TRIBSHD2";
inline constexpr uint64_t kShardPrefix = 64;  // where the columns begin
inline constexpr uint64_t kShardBlock = 64 << 10;
inline constexpr uint64_t kShardAlign = 64;
inline constexpr uint64_t kMostShardIndex = 16 << 20;

constexpr uint64_t ShardAligned(uint64_t offset) {
  return (offset + kShardAlign - 1) / kShardAlign * kShardAlign;
}

// The index without the columns' places.
nlohmann::json ShardInfoToJson(const ShardInfo& info);
// Throws nlohmann::json::exception where a field is missing or of another type.
absl::StatusOr<ShardInfo> ShardInfoFromJson(const nlohmann::json& json);

}  // namespace tributary
