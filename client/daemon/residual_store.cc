#include "client/daemon/residual_store.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr char kEnding[] = ".safetensors";
constexpr size_t kKeptRounds = 2;

std::string PrefixOf(const std::string& run_id) { return Sha256Hex(run_id).substr(0, 16) + "-"; }

// Rounds of a run and their files; under 0 those of other runs and what a crash left behind.
std::multimap<uint32_t, std::string> List(const std::string& folder, const std::string& run_id) {
  std::multimap<uint32_t, std::string> files;
  const std::string prefix = PrefixOf(run_id);
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    uint32_t round = 0;
    absl::string_view middle = name;
    if (!absl::ConsumePrefix(&middle, prefix) || !absl::ConsumeSuffix(&middle, kEnding) ||
        !absl::SimpleAtoi(middle, &round)) {
      round = 0;
    }
    files.emplace(round, entry->path().string());
  }
  return files;
}

void Remove(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
}

absl::Status Add(const StateDict& residual, StateDict* delta) {
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
  return absl::StrFormat("%s/%s%010u%s", folder_, PrefixOf(run_id), round, kEnding);
}

void ResidualStore::AddTo(const std::string& run_id, uint32_t round, StateDict* delta) {
  const auto files = List(folder_, run_id);
  auto latest = files.lower_bound(round);
  if (latest == files.begin() || (--latest)->first == 0) return;
  const absl::StatusOr<StateDict> residual = ReadSafetensors(latest->second);
  const absl::Status added = residual.ok() ? Add(*residual, delta) : residual.status();
  if (added.ok()) return;
  log_->warn("what the update of round {} lost cannot be added to this one and was deleted: {}",
             latest->first, added.ToString());
  Remove(latest->second);
}

absl::Status ResidualStore::Save(const std::string& run_id, uint32_t round,
                                 const StateDict& residual) {
  RETURN_IF_ERROR(EnsureWritableFolder(folder_));
  RETURN_IF_ERROR(WriteSafetensors(PathOf(run_id, round), residual));
  const auto files = List(folder_, run_id);
  size_t kept = 0;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (file->first == 0 || file->first > round || ++kept > kKeptRounds) Remove(file->second);
  }
  return absl::OkStatus();
}

void ResidualStore::Drop(const std::string& run_id, uint32_t round) {
  Remove(PathOf(run_id, round));
}

void ResidualStore::DropAll() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

}  // namespace tributary
