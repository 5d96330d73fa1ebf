// result.json: what a finished run reached. docs/architecture.md section 10.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// {method, seed, rounds, seconds, bytes_up, bytes_down, model_hash, tasks, history[], ...}.
// `history`: all rounds in order, at least one; `seconds` is the sum over them.
nlohmann::json MakeRunResult(const RunContext& context, const std::vector<RoundRecord>& history);

// Writes result.json and models/<dataset>.safetensors into `folder`, each whole or not at all.
absl::Status WriteRunResult(const std::string& folder, const RunContext& context,
                            const nlohmann::json& result, const ModelSet& models);

}  // namespace tributary
