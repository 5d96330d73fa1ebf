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
  RETURN_IF_ERROR(CheckSameRun(stored, fingerprint, DefaultFingerprint(*context)));
  context->run_id = identity->run_id;
  return store->LastRound();
}

}  // namespace tributary
