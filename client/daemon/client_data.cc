#include "client/daemon/client_data.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/dataset_layout.h"
#include "common/data/schema.h"
#include "common/rpc/model_proto.h"

namespace tributary {

namespace {

// A shard that holds samples, read once.
absl::StatusOr<std::shared_ptr<const Shard>> OpenWhole(const std::string& folder,
                                                       absl::string_view flag) {
  const std::string path = absl::StrCat(folder, "/", kTrainShard);
  absl::StatusOr<std::shared_ptr<const Shard>> shard = Shard::Open(path);
  if (absl::IsNotFound(shard.status())) {
    return absl::NotFoundError(absl::StrCat(shard.status().message(), "; ", flag,
                                            " takes one client's folder, as `tributary prepare` "
                                            "makes it: DATASET/client-00"));
  }
  RETURN_IF_ERROR(shard.status());
  RETURN_IF_ERROR((*shard)->Verify());
  if ((*shard)->info().rows == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds no samples: prepare it with fewer clients"));
  }
  return shard;
}

}  // namespace

absl::StatusOr<ClientData> OpenClientData(const std::string& folder,
                                          const std::string& public_folder,
                                          const std::string& vocabulary) {
  ClientData data;
  ASSIGN_OR_RETURN(data.shard, OpenWhole(folder, "--data"));
  if (!public_folder.empty()) {
    ASSIGN_OR_RETURN(data.public_set, OpenWhole(public_folder, "--public"));
  }
  if (data.shard->info().modality != Modality::kImage || data.public_set != nullptr) {
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
  card.mutable_class_names()->Assign(info.classes.begin(), info.classes.end());
  card.set_schema_digest(SchemaDigest(SchemaOf(info)));
  return card;
}

}  // namespace tributary
