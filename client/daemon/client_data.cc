#include "client/daemon/client_data.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/data/dataset_layout.h"
#include "common/data/schema.h"
#include "common/rpc/model_proto.h"

namespace tributary {

namespace {

// A shard that holds samples, read once.
absl::StatusOr<std::shared_ptr<const Shard>> OpenWhole(const std::string& path,
                                                       absl::string_view flag) {
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

std::string TrainOf(const std::string& folder) { return absl::StrCat(folder, "/", kTrainShard); }

// The client's own test part; null if it has none and none was named.
absl::StatusOr<std::shared_ptr<const Shard>> OpenTest(const ClientDataPlaces& places,
                                                      const Shard& train) {
  const std::string& folder = places.test.empty() ? places.folder : places.test;
  const std::string path = absl::StrCat(folder, "/", kOwnTestShard);
  std::error_code error;
  if (places.test.empty() && !std::filesystem::exists(path, error)) return nullptr;
  ASSIGN_OR_RETURN(std::shared_ptr<const Shard> test, OpenWhole(path, "--test"));
  const Schema trained = SchemaOf(train.info()), tested = SchemaOf(test->info());
  if (SchemaDigest(trained) == SchemaDigest(tested)) return test;
  RETURN_IF_ERROR(Annotate(CheckSameClasses(tested.classes, path, trained.classes, train.path()),
                           "the test part"));
  return absl::FailedPreconditionError(
      absl::StrCat(path, " was made by ", SchemaToJson(tested).dump(), ", ", train.path(), " by ",
                   SchemaToJson(trained).dump(), "; prepare both by one schema"));
}

}  // namespace

absl::StatusOr<ClientData> OpenClientData(const ClientDataPlaces& places) {
  ClientData data;
  ASSIGN_OR_RETURN(data.shard, OpenWhole(TrainOf(places.folder), "--data"));
  ASSIGN_OR_RETURN(data.test, OpenTest(places, *data.shard));
  if (!places.public_set.empty()) {
    ASSIGN_OR_RETURN(data.public_set, OpenWhole(TrainOf(places.public_set), "--public"));
  }
  if (data.shard->info().modality != Modality::kImage || data.public_set != nullptr) {
    ASSIGN_OR_RETURN(const std::string path, FindVocabulary(places.vocabulary));
    ASSIGN_OR_RETURN(data.tokenizer, Tokenizer::Load(path));
  }
  return data;
}

v1::DataCard CardOf(const ClientData& data) {
  const ShardInfo& info = data.shard->info();
  v1::DataCard card;
  card.set_dataset(info.dataset);
  card.set_modality(ModalityToProto(info.modality));
  card.set_samples(static_cast<uint64_t>(info.rows));
  card.set_classes(static_cast<uint32_t>(info.classes.size()));
  if (info.modality != Modality::kText) {
    card.set_image_size(static_cast<uint32_t>(info.image_size));
    card.set_image_channels(static_cast<uint32_t>(info.channels));
  }
  card.set_digest(data.shard->digest());
  if (data.test != nullptr) card.set_test_samples(static_cast<uint64_t>(data.test->info().rows));
  card.mutable_class_names()->Assign(info.classes.begin(), info.classes.end());
  card.set_schema_digest(SchemaDigest(SchemaOf(info)));
  return card;
}

}  // namespace tributary
