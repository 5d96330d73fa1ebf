#include "client/daemon/residual_store.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

absl::Status Add(const StateDict& residual, StateDict* delta) {
  // Everything is checked before anything is added: half a residual must not reach an update.
  for (const StateDict::Entry& entry : residual) {
    const Tensor* tensor = delta->Find(entry.name);
    if (tensor == nullptr || tensor->shape != entry.tensor.shape) {
      return absl::FailedPreconditionError(
          absl::StrCat("the model has no tensor ", entry.name, " of its shape"));
    }
  }
  for (const StateDict::Entry& entry : residual) {
    std::vector<float>& values = delta->Find(entry.name)->values;
    for (size_t i = 0; i < values.size(); ++i) values[i] += entry.tensor.values[i];
  }
  return absl::OkStatus();
}

}  // namespace

std::string ResidualStore::PathOf(const std::string& run_id, uint32_t round) const {
  return absl::StrFormat("%s/%s-%010u.safetensors", folder_, Sha256Hex(run_id).substr(0, 16),
                         round);
}

void ResidualStore::AddTo(const std::string& run_id, uint32_t merged_round, StateDict* delta) {
  const std::string path = PathOf(run_id, merged_round);
  std::error_code error;
  if (!fs::exists(path, error)) return;
  const absl::StatusOr<StateDict> residual = ReadSafetensors(path);
  const absl::Status added = residual.ok() ? Add(*residual, delta) : residual.status();
  if (added.ok()) return;
  log_->warn("what the update of round {} lost cannot be added to this one and was deleted: {}",
             merged_round, added.ToString());
  fs::remove(path, error);
}

absl::Status ResidualStore::Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                                 const StateDict& residual) {
  RETURN_IF_ERROR(EnsureWritableFolder(folder_));
  const std::string path = PathOf(run_id, round);
  RETURN_IF_ERROR(WriteSafetensors(path, residual));
  // Others are deleted only now that the new one is on disk. Residuals of other runs go too: a
  // client is in one run at a time.
  const std::string merged = PathOf(run_id, merged_round);
  std::vector<std::string> others;
  std::error_code error;
  fs::directory_iterator entry(folder_, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string other = entry->path().string();
    if (other != path && other != merged) others.push_back(std::move(other));
  }
  for (const std::string& other : others) fs::remove(other, error);
  return absl::OkStatus();
}

void ResidualStore::DropAll() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

}  // namespace tributary
