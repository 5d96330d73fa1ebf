#include "server/registry/run_context.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/codec.h"
#include "common/rpc/credentials.h"

namespace tributary {
namespace {

// Of all clients together: each costs a coordinator 0.1 ms of a core, 0.3 ms in a busy round.
constexpr int kMostHeartbeatsPerSecond = 200;

nlohmann::json Text(absl::string_view text) { return std::string(text); }

nlohmann::json DatasetFingerprint(const DatasetContext& dataset) {
  return {{"modality", Text(ModalityName(dataset.config.modality))},
          {"clients", dataset.config.clients},
          {"classes", dataset.spec.classes},
          {"manifest", dataset.plain.Digest()}};
}

nlohmann::json LocalFingerprint(const LocalConfig& local) {
  return {{"epochs", local.epochs},
          {"batch", local.batch},
          {"learning_rate", local.learning_rate},
          {"learning_rate_decay", local.learning_rate_decay},
          {"warmup_rounds", local.warmup_rounds},
          {"weight_decay", local.weight_decay},
          {"clip_norm", local.clip_norm},
          {"complementary", Text(ComplementaryLayersName(local.complementary))},
          {"aux_trained", local.aux_trained},
          {"learn_scale", local.learn_scale},
          {"proximal_mu", local.proximal_mu},
          {"proximal_rule", Text(RuleName(local.proximal_rule))},
          {"crop_padding", local.crop_padding},
          {"rotation", local.rotation},
          {"horizontal_flip", local.horizontal_flip},
          {"vertical_flip", local.vertical_flip},
          {"brightness", local.brightness},
          {"contrast", local.contrast}};
}

nlohmann::json AggregationFingerprint(const AggregationConfig& aggregation) {
  return {{"rule", Text(RuleName(aggregation.rule))},
          {"share", Text(ShareName(aggregation.share))},
          {"scope", Text(ScopeName(aggregation.scope))},
          {"compensation", aggregation.compensation},
          {"pair_weight", aggregation.pair_weight},
          {"out_modality_scale", aggregation.out_modality_scale}};
}

nlohmann::json CreamFlFingerprint(const RunContext& context) {
  const CreamFlConfig& creamfl = context.config.creamfl;
  return {{"public", context.public_set.digest},
          {"samples", context.public_set.samples},
          {"batch", creamfl.batch},
          {"temperature", creamfl.temperature},
          {"contrast_weight", creamfl.contrast_weight},
          {"pair_contrast", creamfl.pair_contrast},
          {"distill_weight", creamfl.distill_weight},
          {"distill_learning_rate", creamfl.distill_learning_rate}};
}

}  // namespace

int RunContext::ExpectedClients() const {
  int expected = 0;
  for (const auto& [name, dataset] : datasets) expected += dataset.config.clients;
  return expected;
}

absl::Duration RunContext::Heartbeat() const {
  const absl::Duration bounded = absl::Seconds(ExpectedClients()) / kMostHeartbeatsPerSecond;
  return std::max(config.wire.heartbeat, std::min(bounded, config.wire.liveness / 3));
}

bool RunContext::PlainF32() const {
  switch (config.wire.pack_f32) {
    case Packing::kAlways:
      return false;
    case Packing::kNever:
      return true;
    case Packing::kAuto:
      break;
  }
  return IsLoopback(config.server.listen);
}

absl::StatusOr<RunContext> MakeRunContext(const RunConfig& config,
                                          const std::map<std::string, int64_t>& classes,
                                          int64_t vocabulary_size,
                                          const std::string& vocabulary_digest,
                                          const PublicSetCard& public_set) {
  RunContext context{.config = config,
                     .run_id = "",
                     .vocabulary_digest = vocabulary_digest,
                     .public_set = public_set,
                     .init_digests = {},
                     .datasets = {}};
  for (const DatasetConfig& dataset : config.datasets) {
    DatasetContext made{.config = dataset, .spec = {}, .plain = {}, .download = {}, .upload = {}};
    const ModelConfig& model = config.model;
    made.spec = {
        .dim = model.dim,
        .depth = model.depth,
        .heads = model.heads,
        .patch = model.patch,
        .image_size = model.image_size,
        .channels = model.channels,
        .max_tokens = model.max_tokens,
        .vocabulary_size = vocabulary_size,
        .drop_path = model.drop_path,
        .classes = classes.at(dataset.name),
        .complementary = dataset.modality == Modality::kPair ? ComplementaryLayers::kNone
                                                             : config.local.complementary,
        .public_samples = dataset.modality == Modality::kPair && !config.creamfl.pair_contrast
                              ? 0
                              : public_set.samples};
    const std::string where = absl::StrCat("dataset ", dataset.name);
    absl::StatusOr<Manifest> plain =
        ModelManifest(made.spec, dataset.modality, TensorScope::kPlain);
    if (!plain.ok()) return Annotate(plain.status(), where);
    made.plain = *std::move(plain);
    ASSIGN_OR_RETURN(made.download,
                     ModelManifest(made.spec, dataset.modality, TensorScope::kDownload));
    ASSIGN_OR_RETURN(made.upload, ModelManifest(made.spec, dataset.modality, TensorScope::kUpload));
    context.datasets.emplace(dataset.name, std::move(made));
  }
  for (const auto& [key, path] :
       {std::pair("image", config.init.image), std::pair("text", config.init.text)}) {
    if (path.empty()) continue;
    absl::StatusOr<std::string> digest = Sha256OfFile(path);
    if (!digest.ok()) return Annotate(digest.status(), absl::StrCat("init.", key));
    context.init_digests[key] = *std::move(digest);
  }
  return context;
}

nlohmann::json Fingerprint(const RunContext& context) {
  const RunConfig& config = context.config;
  nlohmann::json datasets = nlohmann::json::object();
  for (const auto& [name, dataset] : context.datasets) datasets[name] = DatasetFingerprint(dataset);
  nlohmann::json fingerprint = {{"name", config.name},
                                {"method", Text(MethodName(config.method))},
                                {"seed", config.seed},
                                {"datasets", datasets},
                                {"vocabulary", context.vocabulary_digest},
                                {"drop_path", config.model.drop_path},
                                {"heads", config.model.heads},
                                {"local", LocalFingerprint(config.local)},
                                {"aggregation", AggregationFingerprint(config.aggregation)},
                                {"fraction", config.round.fraction},
                                {"upload", Text(CodecName(config.wire.upload))},
                                {"download", Text(CodecName(config.wire.download))}};
  if (config.wire.download_delta.has_value()) {
    fingerprint["download_delta"] = Text(CodecName(*config.wire.download_delta));
  }
  if (!context.init_digests.empty()) fingerprint["init"] = context.init_digests;
  if (config.method == Method::kCreamFl) fingerprint["creamfl"] = CreamFlFingerprint(context);
  return fingerprint;
}

absl::Status CheckSameRun(const nlohmann::json& stored, const nlohmann::json& now) {
  if (stored == now) return absl::OkStatus();
  const nlohmann::json before = stored.flatten(), after = now.flatten();
  std::vector<std::string> differences;
  for (const auto& [key, value] : after.items()) {
    const nlohmann::json old = before.contains(key) ? before[key] : nlohmann::json();
    if (old == value) continue;
    differences.push_back(
        absl::StrCat(key.substr(1), " was ", old.dump(), " and is ", value.dump()));
  }
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) differences.push_back(absl::StrCat(key.substr(1), " is gone"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the state folder belongs to another run: ", absl::StrJoin(differences, ", "),
                   "; give --state another folder, or the run file its old values"));
}

}  // namespace tributary
