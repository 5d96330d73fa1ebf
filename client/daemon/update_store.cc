#include "client/daemon/update_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/daemon/run_files.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr char kChunks[] = ".chunks";
constexpr char kDescription[] = ".json";
constexpr size_t kKeptRounds = 2;

std::string Describe(const FinishedUpdate& update) {
  const v1::TrainingReport& report = update.report;
  return nlohmann::json{{"round", update.round},
                        {"samples", update.samples},
                        {"manifest", update.manifest_digest},
                        {"bytes", update.state->bytes()},
                        {"chunks", update.state->chunks().size()},
                        {"loss", report.loss()},
                        {"first_loss", report.first_loss()},
                        {"steps", report.steps()},
                        {"train_seconds", report.train_seconds()},
                        {"peak_rss_bytes", report.peak_rss_bytes()},
                        {"trained", absl::Base64Escape(report.trained().SerializeAsString())}}
             .dump(2) +
         "\n";
}

// Throws nlohmann::json::exception for a missing key or a wrong type.
FinishedUpdate FromDescription(const nlohmann::json& json) {
  FinishedUpdate update{.round = json.at("round").get<uint32_t>(),
                        .samples = json.at("samples").get<uint64_t>(),
                        .manifest_digest = json.at("manifest").get<std::string>()};
  update.report.set_loss(json.at("loss").get<double>());
  update.report.set_first_loss(json.at("first_loss").get<double>());
  update.report.set_steps(json.at("steps").get<uint32_t>());
  update.report.set_train_seconds(json.at("train_seconds").get<double>());
  update.report.set_peak_rss_bytes(json.at("peak_rss_bytes").get<double>());
  std::string trained;
  if (json.contains("trained") &&
      (!absl::Base64Unescape(json["trained"].get<std::string>(), &trained) ||
       (!trained.empty() && !update.report.mutable_trained()->ParseFromString(trained)))) {
    update.report.clear_trained();  // counts for a table are no reason to train again
  }
  return update;
}

// Paths of what is in `folder`; none if it cannot be read.
std::vector<std::string> List(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    paths.push_back(entry->path().string());
  }
  return paths;
}

}  // namespace

UpdateStore::UpdateStore(std::string folder, std::shared_ptr<spdlog::logger> log)
    : folder_(std::move(folder)), log_(std::move(log)) {
  for (const std::string& stem : Stems()) {
    if (const auto update = Read(stem); !update.ok()) {
      log_->warn("a finished update on disk is unusable and was deleted: {}",
                 update.status().ToString());
      Delete(stem);
    }
  }
  // Deletes chunks without a description and unfinished files: a crash came between the two files
  // or while one was written.
  std::error_code error;
  for (const std::string& path : List(folder_)) {
    const bool chunks = absl::EndsWith(path, kChunks);
    const std::string stem = path.substr(0, path.size() - (chunks ? sizeof(kChunks) - 1 : 0));
    if ((chunks && !fs::exists(stem + kDescription, error)) || absl::EndsWith(path, ".part")) {
      fs::remove(path, error);
    }
  }
}

std::vector<uint32_t> UpdateStore::HeldRounds(const std::string& run_id) const {
  const std::string prefix = absl::StrCat(folder_, "/", RunFilePrefix(run_id));
  std::vector<uint32_t> rounds;
  for (const std::string& stem : Stems()) {
    uint32_t round = 0;
    if (absl::StartsWith(stem, prefix) && absl::SimpleAtoi(stem.substr(prefix.size()), &round)) {
      rounds.push_back(round);
    }
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds;
}

absl::Status UpdateStore::Save(const std::string& run_id, const FinishedUpdate& update) {
  const std::string stem = Stem(run_id, update.round);
  // The old description goes first. Otherwise a crash after the chunks are written would leave new
  // chunks under a description of the old ones.
  std::error_code error;
  fs::remove(stem + kDescription, error);
  RETURN_IF_ERROR(update.state->Save(stem + kChunks));
  RETURN_IF_ERROR(WriteFileAtomically(stem + kDescription, Describe(update)));

  std::vector<std::string> kept = Stems();
  const std::string prefix = absl::StrCat(folder_, "/", RunFilePrefix(run_id));
  std::sort(kept.rbegin(), kept.rend());  // later rounds first: the numbers are padded
  size_t earlier = 0;
  for (const std::string& other : kept) {
    if (other == stem) continue;
    // A later round belongs to a state that the coordinator has gone back from (a restored backup).
    // Those of other runs stay: state_folder.h says how long.
    if (absl::StartsWith(other, prefix) && (other > stem || ++earlier >= kKeptRounds)) {
      Delete(other);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FinishedUpdate> UpdateStore::Load(const std::string& run_id, uint32_t round,
                                                 const std::string& manifest_digest) {
  const std::string stem = Stem(run_id, round);
  std::error_code error;
  if (!fs::exists(stem + kDescription, error)) {
    return absl::NotFoundError(absl::StrCat("no finished update of round ", round, " on disk"));
  }
  absl::StatusOr<FinishedUpdate> update = Read(stem);
  if (update.ok() && update->round == round && update->manifest_digest == manifest_digest) {
    return update;
  }
  log_->warn("the finished update of round {} is unusable and was deleted; it is trained again: {}",
             round, update.ok() ? "it is of another model" : update.status().ToString());
  Delete(stem);
  return absl::NotFoundError(absl::StrCat("the update of round ", round, " on disk was unusable"));
}

void UpdateStore::Drop(const std::string& run_id, uint32_t round) { Delete(Stem(run_id, round)); }

void UpdateStore::DropAll() {
  for (const std::string& stem : Stems()) Delete(stem);
}

absl::StatusOr<FinishedUpdate> UpdateStore::Read(const std::string& stem) const {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(stem + kDescription));
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    FinishedUpdate update = FromDescription(json);
    ASSIGN_OR_RETURN(update.state, EncodedState::Load(stem + kChunks));
    if (update.state->bytes() != json.at("bytes").get<uint64_t>() ||
        update.state->chunks().size() != json.at("chunks").get<size_t>()) {
      return absl::DataLossError(
          absl::StrCat(stem, kChunks, ": is not what ", kDescription, " beside it describes"));
    }
    return update;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat(stem, kDescription, ": ", error.what()));
  }
}

std::vector<std::string> UpdateStore::Stems() const {
  std::vector<std::string> stems;
  for (const std::string& path : List(folder_)) {
    if (absl::EndsWith(path, kDescription)) {
      stems.push_back(path.substr(0, path.size() - (sizeof(kDescription) - 1)));
    }
  }
  return stems;
}

std::string UpdateStore::Stem(const std::string& run_id, uint32_t round) const {
  return absl::StrFormat("%s/%s%010u", folder_, RunFilePrefix(run_id), round);
}

void UpdateStore::Delete(const std::string& stem) const {
  std::error_code error;
  // The description first: chunks alone are recognised as incomplete at the next start.
  fs::remove(stem + kDescription, error);
  fs::remove(stem + kChunks, error);
}

}  // namespace tributary
