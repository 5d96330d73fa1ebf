#include "client/daemon/session_terms.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/config/run_config.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"

namespace tributary {
namespace {

absl::StatusOr<Manifest> CheckedManifest(const v1::Manifest& proto, const ModelSpec& model,
                                         Modality modality, TensorScope scope,
                                         const std::string& what) {
  absl::StatusOr<Manifest> theirs = ManifestFromProto(proto);
  if (!theirs.ok()) return Annotate(theirs.status(), what);
  // Compared before anything is pulled: a client of another version that builds other tensors is
  // told so here, and not after a download.
  absl::StatusOr<Manifest> ours = ModelManifest(model, modality, scope);
  if (!ours.ok()) return Annotate(ours.status(), "the coordinator's model");
  if (absl::Status same = CheckSameManifest(*theirs, *ours); !same.ok()) {
    return Annotate(
        same, absl::StrCat(what, " does not fit the model that client version ", kSoftwareVersion,
                           " builds; update the older of the two sides"));
  }
  return theirs;
}

}  // namespace

absl::StatusOr<SessionTerms> TermsFrom(const v1::Welcome& welcome, Modality modality) {
  RETURN_IF_ERROR(CheckProtocol(welcome.protocol(), absl::StrCat("the coordinator (version ",
                                                                 welcome.software_version(), ")")));
  if (welcome.session().empty() || welcome.run_id().empty()) {
    return absl::InvalidArgumentError("the coordinator's welcome names no run or no session");
  }
  SessionTerms terms{
      .session = welcome.session(),
      .run_id = welcome.run_id(),
      .run_name = welcome.run_name(),
      .chunk_bytes =
          std::clamp<int64_t>(welcome.chunk_bytes(), kLeastChunkKib << 10, kMostChunkKib << 10),
      .heartbeat = std::clamp(absl::Milliseconds(static_cast<int64_t>(
                                  std::min<uint64_t>(welcome.heartbeat_ms(), 3'600'000))),
                              absl::Milliseconds(20), absl::Minutes(1)),
      .delta_downloads = welcome.delta_downloads()};
  ASSIGN_OR_RETURN(terms.model, ModelSpecFromProto(welcome.model()));
  ASSIGN_OR_RETURN(terms.upload, CheckedManifest(welcome.upload(), terms.model, modality,
                                                 TensorScope::kUpload, "the upload manifest"));
  ASSIGN_OR_RETURN(terms.download,
                   CheckedManifest(welcome.download(), terms.model, modality,
                                   TensorScope::kDownload, "the download manifest"));
  return terms;
}

}  // namespace tributary
