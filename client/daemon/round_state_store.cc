#include "client/daemon/round_state_store.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/daemon/run_files.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string RoundStateStore::PathOf(const std::string& run_id, uint32_t round) const {
  return absl::StrFormat("%s/%s%010u.safetensors", folder_, RunFilePrefix(run_id), round);
}

absl::StatusOr<StateDict> RoundStateStore::Load(const std::string& run_id, uint32_t round) const {
  const std::string path = PathOf(run_id, round);
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat("there is no ", path));
  }
  return ReadSafetensors(path);
}

absl::Status RoundStateStore::Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                                   const StateDict& state) {
  RETURN_IF_ERROR(EnsureWritableFolder(folder_));
  const std::string path = PathOf(run_id, round);
  RETURN_IF_ERROR(WriteSafetensors(path, state));
  // Others are deleted only now that the new one is on disk. Those of other runs stay:
  // state_folder.h says how long.
  const std::string prefix = absl::StrCat(folder_, "/", RunFilePrefix(run_id));
  const std::string merged = PathOf(run_id, merged_round);
  std::vector<std::string> others;
  std::error_code error;
  fs::directory_iterator entry(folder_, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string other = entry->path().string();
    if (!absl::StartsWith(other, prefix)) continue;
    if (other != path && other != merged) others.push_back(std::move(other));
  }
  for (const std::string& other : others) fs::remove(other, error);
  return absl::OkStatus();
}

void RoundStateStore::Drop(const std::string& run_id, uint32_t round) {
  std::error_code error;
  fs::remove(PathOf(run_id, round), error);
}

void RoundStateStore::DropAll() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

}  // namespace tributary
