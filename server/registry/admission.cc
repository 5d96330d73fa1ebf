#include "server/registry/admission.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/version.h"
#include "common/codec/codec.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"

namespace tributary {
namespace {

v1::Refusal Refuse(v1::Refusal::Reason reason, const std::string& message) {
  v1::Refusal refusal;
  refusal.set_reason(reason);
  refusal.set_message(message);
  return refusal;
}

constexpr char kAgree[] =
    "; labels would mean different things. Prepare the shard with `tributary prepare --schema "
    "FILE`, "
    "where FILE is what `tributary schema` makes of the run and all owners share";

v1::Refusal RefuseData(const v1::Join& join, absl::string_view what) {
  return Refuse(v1::Refusal::REASON_DATA, absl::StrCat("client ", join.client(), ": ", what));
}

std::optional<v1::Refusal> CheckSizes(const v1::Join& join, const DatasetContext& dataset) {
  const v1::DataCard& data = join.data();
  const auto differs = [&](absl::string_view what, uint64_t found, int64_t expected) {
    return RefuseData(join, absl::StrCat("its shard has ", what, " ", found, ", the run expects ",
                                         expected, "; prepare the shard with the run's settings"));
  };
  const std::vector<std::string> names(data.class_names().begin(), data.class_names().end());
  if (!names.empty() && !dataset.schema.classes.empty()) {
    if (absl::Status same = CheckSameClasses(names, "its shard", dataset.schema.classes, "the run");
        !same.ok()) {
      return RefuseData(join, absl::StrCat(same.message(), kAgree));
    }
  }
  if (data.classes() != static_cast<uint64_t>(dataset.spec.classes)) {
    return differs("classes", data.classes(), dataset.spec.classes);
  }
  if (dataset.config.modality != Modality::kText) {
    if (data.image_size() != static_cast<uint64_t>(dataset.spec.image_size)) {
      return differs("image size", data.image_size(), dataset.spec.image_size);
    }
    // One channel is repeated to three inside the model.
    const bool fits = data.image_channels() == static_cast<uint64_t>(dataset.spec.channels) ||
                      data.image_channels() == 1;
    if (!fits) return differs("image channels", data.image_channels(), dataset.spec.channels);
  }
  return std::nullopt;
}

std::optional<v1::Refusal> CheckData(const v1::Join& join, const RunContext& context) {
  const auto found = context.datasets.find(join.data().dataset());
  if (found == context.datasets.end()) {
    std::vector<std::string> known;
    for (const auto& [name, dataset] : context.datasets) known.push_back(name);
    return RefuseData(join, absl::StrCat("its shard is of dataset \"", join.data().dataset(),
                                         "\"; the run has ", absl::StrJoin(known, ", ")));
  }
  const DatasetContext& dataset = found->second;
  if (join.data().modality() != ModalityToProto(dataset.config.modality)) {
    return RefuseData(join, absl::StrCat("its data are of modality ", join.data().modality(),
                                         "; the run's dataset ", dataset.config.name, " is ",
                                         ModalityName(dataset.config.modality)));
  }
  if (auto refusal = CheckSizes(join, dataset)) return refusal;
  if (join.data().samples() == 0) return RefuseData(join, "its shard holds no training samples");
  const bool text = dataset.config.modality != Modality::kImage;
  if (text && join.vocabulary() != context.vocabulary_digest) {
    return RefuseData(join, absl::StrCat("its vocabulary has SHA-256 ", join.vocabulary(),
                                         ", the run's has ", context.vocabulary_digest,
                                         "; give the client the same vocabulary file"));
  }
  if (dataset.spec.public_samples > 0 && join.public_set() != context.public_set.digest) {
    return RefuseData(
        join, absl::StrCat(join.public_set().empty()
                               ? "it holds no public set"
                               : absl::StrCat("its public set has digest ", join.public_set()),
                           "; the run's has ", context.public_set.digest,
                           ": start the client with --public and a folder of the same public set"));
  }
  return std::nullopt;
}

bool Knows(const v1::Join& join, Codec codec) {
  return std::find(join.codecs().begin(), join.codecs().end(), CodecToProto(codec)) !=
         join.codecs().end();
}

}  // namespace

std::optional<v1::Refusal> CheckJoin(const v1::Join& join, const RunContext& context) {
  if (absl::Status status = CheckProtocol(join.protocol(), absl::StrCat("client ", join.client()));
      !status.ok()) {
    return Refuse(v1::Refusal::REASON_PROTOCOL, std::string(status.message()));
  }
  if (absl::Status status = CheckClientName(join.client()); !status.ok()) {
    return Refuse(v1::Refusal::REASON_NAME, std::string(status.message()));
  }
  // Empty at a client's first Join. Work that it keeps for one run must not enter another.
  if (!join.run_id().empty() && join.run_id() != context.run_id) {
    return Refuse(
        v1::Refusal::REASON_RUN,
        absl::StrCat("client ", join.client(), " belongs to run ", join.run_id(), ", this is run ",
                     context.run_id, "; start the client with another --state folder"));
  }
  if (auto refusal = CheckData(join, context)) return refusal;
  // The codec of differences is not checked: a client that does not know it does not ask for them.
  // f32 is, because norms travel in it under every codec.
  for (const Codec codec :
       {context.config.wire.upload, context.config.wire.download, Codec::kF32}) {
    if (!Knows(join, codec)) {
      return Refuse(v1::Refusal::REASON_PROTOCOL,
                    absl::StrCat("client ", join.client(), " does not know codec ",
                                 CodecName(codec), ", which the run uses; update the client"));
    }
  }
  return std::nullopt;
}

std::optional<v1::Refusal> CheckReady(const v1::Ready& ready, const std::string& client,
                                      const DatasetContext& dataset) {
  const absl::StatusOr<Manifest> manifest = ManifestFromProto(ready.upload());
  const absl::Status same =
      manifest.ok() ? CheckSameManifest(*manifest, dataset.upload) : manifest.status();
  if (same.ok()) return std::nullopt;
  return Refuse(v1::Refusal::REASON_MANIFEST,
                absl::StrCat("client ", client, ": its model differs from the run's: ",
                             same.message(), "; use the run's software version"));
}

v1::Welcome MakeWelcome(const RunContext& context, const DatasetContext& dataset) {
  v1::Welcome welcome;
  welcome.set_protocol(kProtocolVersion);
  welcome.set_software_version(kSoftwareVersion);
  welcome.set_run_id(context.run_id);
  welcome.set_run_name(context.config.name);
  *welcome.mutable_model() = ModelSpecToProto(dataset.spec);
  *welcome.mutable_download() = ManifestToProto(dataset.download);
  *welcome.mutable_upload() = ManifestToProto(dataset.upload);
  welcome.set_heartbeat_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(context.Heartbeat())));
  welcome.set_delta_downloads(context.config.wire.download_delta.has_value());
  welcome.set_chunk_bytes(static_cast<uint32_t>(context.config.wire.ChunkBytes()));
  return welcome;
}

}  // namespace tributary
