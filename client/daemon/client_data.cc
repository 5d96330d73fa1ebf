#include "client/daemon/client_data.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/model_proto.h"

namespace tributary {

absl::StatusOr<ClientData> OpenClientData(const std::string& folder,
                                          const std::string& vocabulary) {
  ClientData data;
  absl::StatusOr<std::shared_ptr<const Shard>> shard = Shard::Open(folder + "/train.shard");
  if (absl::IsNotFound(shard.status())) {
    return absl::NotFoundError(
        absl::StrCat(shard.status().message(),
                     "; --data takes one client's folder, as `tributary prepare` "
                     "makes it: DATASET/client-00"));
  }
  RETURN_IF_ERROR(shard.status());
  data.shard = *std::move(shard);
  RETURN_IF_ERROR(data.shard->Verify());
  if (data.shard->info().rows == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, "/train.shard holds no samples: prepare it with fewer clients"));
  }
  if (data.shard->info().modality != Modality::kImage) {
    ASSIGN_OR_RETURN(const std::string path, FindVocabulary(vocabulary));
    ASSIGN_OR_RETURN(data.tokenizer, Tokenizer::Load(path));
  }
  return data;
}

v1::DataCard CardOf(const Shard& shard) {
  const ShardInfo& info = shard.info();
  v1::DataCard card;
  card.set_dataset(info.dataset);
  card.set_modality(ModalityToProto(info.modality));
  card.set_samples(static_cast<uint64_t>(info.rows));
  card.set_classes(static_cast<uint32_t>(info.classes.size()));
  if (info.modality != Modality::kText) {
    card.set_image_size(static_cast<uint32_t>(info.image_size));
    card.set_image_channels(static_cast<uint32_t>(info.channels));
  }
  card.set_digest(shard.digest());
  return card;
}

}  // namespace tributary
