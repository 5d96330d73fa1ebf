// result.json: what a finished run reached. docs/architecture.md section 10.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// {method, seed, rounds, seconds, bytes_up, bytes_down, model_hash, tasks, history[], ...}.
// `history`: all rounds in order, at least one; `seconds` is the sum over them. Confusion matrices
// are in `tasks` alone: in each entry of `history` they would outweigh all else.
nlohmann::json MakeRunResult(const RunContext& context, const std::vector<RoundRecord>& history);

// Writes `folder`/<dataset>.safetensors for each global, whole or not at all, with what
// `tributary export` needs to know of it. Creates `folder`. `hash`: the models' hash.
absl::Status WriteModels(const std::string& folder, const RunContext& context,
                         const std::string& hash, const ModelSet& models);

// Writes result.json and models/<dataset>.safetensors into `folder`, each whole or not at all.
absl::Status WriteRunResult(const std::string& folder, const RunContext& context,
                            const nlohmann::json& result, const ModelSet& models);

}  // namespace tributary
