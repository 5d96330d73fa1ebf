#include "server/round/run_identity.h"

#include <array>
#include <string>

#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

absl::StatusOr<std::string> NewRunId() {
  std::array<unsigned char, 8> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) {
    return absl::InternalError("the system gives no random bytes for a run id");
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// The expected number of clients says whom to wait for, which no sum depends on. Only control
// variates are means over it: c moves by 1/N of what the clients send, whoever arrives.
nlohmann::json WithWhatCounts(nlohmann::json fingerprint, const RunContext& context) {
  if (context.config.local.control_variates || !fingerprint.is_object()) return fingerprint;
  const auto datasets = fingerprint.find("datasets");
  if (datasets == fingerprint.end() || !datasets->is_object()) return fingerprint;
  for (auto& [name, dataset] : datasets->items()) {
    if (dataset.is_object()) dataset.erase("clients");
  }
  return fingerprint;
}

}  // namespace

absl::StatusOr<std::optional<int>> IdentifyRun(RunStore* store, RunContext* context) {
  ASSIGN_OR_RETURN(const std::optional<RunIdentity> identity, store->Identity());
  const nlohmann::json fingerprint = Fingerprint(*context);
  if (!identity.has_value()) {
    ASSIGN_OR_RETURN(context->run_id, NewRunId());
    RETURN_IF_ERROR(
        store->SetIdentity({context->run_id, context->config.name, fingerprint.dump()}));
    return std::optional<int>();
  }
  const nlohmann::json stored = nlohmann::json::parse(identity->fingerprint, nullptr, false);
  RETURN_IF_ERROR(CheckSameRun(WithWhatCounts(stored, *context),
                               WithWhatCounts(fingerprint, *context),
                               DefaultFingerprint(*context)));
  context->run_id = identity->run_id;
  return store->LastRound();
}

}  // namespace tributary
