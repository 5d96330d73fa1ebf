#include "server/registry/run_context.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/method_card.h"
#include "common/config/run_fields.h"
#include "common/rpc/credentials.h"

namespace tributary {
namespace {

// Of all clients together: each costs a coordinator 0.1 ms of a core, 0.3 ms in a busy round.
constexpr int kMostHeartbeatsPerSecond = 200;

nlohmann::json JsonOf(const Value& value) {
  return std::visit(
      [](const auto& held) -> nlohmann::json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, absl::Duration>) {
          return absl::FormatDuration(held);
        } else {
          return held;
        }
      },
      value);
}

// The fields whose values count, by key.
template <typename Settings>
void AddFields(const FieldTable<Settings>& fields, const Settings& settings, nlohmann::json* json) {
  for (const Field<Settings>& field : fields) {
    if (field.spec.mathematics != Mathematics::kYes) continue;
    (*json)[field.spec.key] = JsonOf(field.get(settings));
  }
}

// The section `path`, "local" or "server.tls", of a fingerprint; made if it is not there.
nlohmann::json& SectionOf(absl::string_view path, nlohmann::json* json) {
  for (const absl::string_view name : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    json = &(*json)[std::string(name)];
  }
  return *json;
}

void AddGroup(const SettingsGroup& group, const RunConfig& config, nlohmann::json* json) {
  const bool counts = std::any_of(group.fields.begin(), group.fields.end(), [](const auto& field) {
    return field.spec.mathematics == Mathematics::kYes;
  });
  if (counts) AddFields(group.fields, config, &SectionOf(group.section, json));
}

// `place`: of the dataset in the run file. Where several datasets could serve, the first does.
nlohmann::json DatasetFingerprint(const DatasetContext& dataset, size_t place) {
  nlohmann::json json = {
      {"place", place}, {"classes", dataset.spec.classes}, {"manifest", dataset.plain.Digest()}};
  // In their order: labels that change places would train the same output for another class.
  if (!dataset.schema.classes.empty()) {
    // As they are stored and read back: what is not UTF-8 is replaced.
    json["classes"] =
        nlohmann::json::parse(nlohmann::json(dataset.schema.classes)
                                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  AddFields(DatasetFields(), dataset.config, &json);
  return json;
}

nlohmann::json SettingsFingerprint(const RunConfig& config) {
  nlohmann::json json;
  AddFields(TopFields({.cards = {config.method}, .by_default = config.method}), config, &json);
  for (const SettingsGroup* group : GroupsOf(config)) AddGroup(*group, config, &json);
  return json;
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
    DatasetContext made{
        .config = dataset, .spec = {}, .schema = {}, .plain = {}, .download = {}, .upload = {}};
    made.spec = config.model.spec;
    made.spec.vocabulary_size = vocabulary_size;
    made.spec.classes = classes.at(dataset.name);
    made.spec.control_variates = config.local.control_variates;
    const bool pair = dataset.modality == Modality::kPair;
    if (!pair) made.spec.complementary = config.local.complementary;
    if (!pair || public_set.pair_clients) made.spec.public_samples = public_set.samples;
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
  nlohmann::json fingerprint = SettingsFingerprint(config);
  // The contents of files, under the keys that name the files.
  SectionOf("model.vocabulary", &fingerprint) = context.vocabulary_digest;
  for (const auto& [key, digest] : context.init_digests) fingerprint["init"][key] = digest;
  if (const auto public_set = PublicSetOf(config); public_set.has_value()) {
    SectionOf(public_set->key, &fingerprint) = context.public_set.digest;
  }
  for (size_t i = 0; i < config.datasets.size(); ++i) {
    const std::string& name = config.datasets[i].name;
    fingerprint["datasets"][name] = DatasetFingerprint(context.datasets.at(name), i);
  }
  return fingerprint;
}

nlohmann::json DefaultFingerprint(const RunContext& context) {
  RunConfig defaults;
  defaults.method = context.config.method;
  if (defaults.method->preset) defaults.method->preset(&defaults);
  return SettingsFingerprint(defaults);
}

absl::Status CheckSameRun(const nlohmann::json& stored, const nlohmann::json& now,
                          const nlohmann::json& defaults) {
  if (stored == now) return absl::OkStatus();
  nlohmann::json before = defaults;
  before.merge_patch(stored);
  before = before.flatten();
  const nlohmann::json after = now.flatten();
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
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the state folder belongs to another run: ", absl::StrJoin(differences, ", "),
                   "; give --state another folder, or the run file its old values"));
}

}  // namespace tributary
