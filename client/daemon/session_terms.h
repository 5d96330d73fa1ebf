// SessionTerms: what a Welcome fixed, in checked form.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/model/model_spec.h"
#include "common/tensor/manifest.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

struct SessionTerms {
  std::string session;  // goes with every pull and push
  std::string run_id;
  std::string run_name;
  ModelSpec model{};
  Manifest download{};
  Manifest upload{};
  int64_t chunk_bytes = 0;
  absl::Duration heartbeat{};
  bool delta_downloads = false;  // what was pulled is worth keeping
};

// Checks a Welcome for a client of `modality`: protocol, fields, and that the model it describes
// has, as this build makes it, exactly the tensors that its manifests list. FailedPrecondition or
// InvalidArgument that says what differs.
absl::StatusOr<SessionTerms> TermsFrom(const v1::Welcome& welcome, Modality modality);

}  // namespace tributary
