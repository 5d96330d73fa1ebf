// SessionTerms: the content of a Welcome after it was checked.
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
  std::string session;  // sent with every pull and push
  std::string run_id;
  std::string run_name;
  ModelSpec model{};
  Manifest download{};
  Manifest upload{};
  int64_t chunk_bytes = 0;
  absl::Duration heartbeat{};
  bool delta_downloads = false;  // whether the coordinator sends differences to a kept model
};

// Checks a Welcome for a client of `modality`: the protocol, the fields, and that the model as this
// build makes it has exactly the tensors of the two manifests. FailedPrecondition or
// InvalidArgument says what differs.
absl::StatusOr<SessionTerms> TermsFrom(const v1::Welcome& welcome, Modality modality);

}  // namespace tributary
