#include "common/config/run_config.h"

#include <algorithm>
#include <limits>
#include <set>

#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/choices.h"
#include "common/config/method_presets.h"
#include "common/config/section.h"

namespace tributary {
namespace {

constexpr absl::Duration kShortest = absl::Milliseconds(100);
constexpr absl::Duration kLongest = absl::Hours(24 * 30);

template <typename T, size_t N>
absl::Span<const Choice<T>> Table(const std::array<Choice<T>, N>& choices) {
  return absl::MakeConstSpan(choices);
}

// Names become folder names, metric labels and log fields.
bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return name != "." && name != "..";
}

void ReadDatasets(Section* root, RunConfig* config) {
  std::set<std::string> names;
  for (Section& section : root->Each("datasets")) {
    DatasetConfig dataset;
    section.Text("name", &dataset.name);
    section.OneOf("modality", &dataset.modality, Table(kModalities));
    section.Whole("clients", &dataset.clients, 1, 100'000);
    section.Text("path", &dataset.path);
    for (const char* key : {"name", "modality", "clients", "path"}) {
      if (!section.Has(key)) section.Problem(key, "is missing; every dataset needs it");
    }
    if (!IsName(dataset.name)) {
      section.Problem("name", "must be 1 to 64 letters, digits, dots, dashes or underscores");
    }
    if (!names.insert(dataset.name).second) {
      section.Problem("name", absl::StrCat("is \"", dataset.name, "\" a second time"));
    }
    section.Finish();
    config->datasets.push_back(std::move(dataset));
  }
  if (config->datasets.empty())
    root->Problem("datasets", "is missing; a run needs at least one [[datasets]]");
}

struct Size {
  int64_t dim, depth, heads;
};

void ReadModel(Section section, ModelConfig* model) {
  constexpr std::array<Choice<Size>, 4> kSizes = {{{"toy", {96, 4, 4}},
                                                   {"tiny", {192, 12, 3}},
                                                   {"small", {384, 12, 6}},
                                                   {"base", {768, 12, 12}}}};
  Size size{384, 12, 6};
  section.OneOf("size", &size, Table(kSizes));
  *model = {.dim = size.dim,
            .depth = size.depth,
            .heads = size.heads,
            .patch = 16,
            .image_size = 224,
            .channels = 3,
            .max_tokens = 40,
            .drop_path = 0.1,
            .vocabulary = ""};
  section.Whole("dim", &model->dim, 1, 16384);
  section.Whole("depth", &model->depth, 1, 256);
  section.Whole("heads", &model->heads, 1, 256);
  section.Whole("patch", &model->patch, 1, 1024);
  section.Whole("image_size", &model->image_size, 1, 4096);
  section.Whole("channels", &model->channels, 1, 16);
  section.Whole("max_tokens", &model->max_tokens, 2, 8192);
  section.Number("drop_path", &model->drop_path, 0, 0.99);
  section.Text("vocabulary", &model->vocabulary);
  if (model->dim % model->heads != 0) {
    section.Problem(
        "dim", absl::StrCat("is ", model->dim, "; it must be divisible by heads = ", model->heads));
  }
  if (model->image_size % model->patch != 0) {
    section.Problem("image_size", absl::StrCat("is ", model->image_size,
                                               "; it must be divisible by patch = ", model->patch));
  }
  section.Finish();
}

void ReadInit(Section section, InitConfig* init) {
  section.Text("image", &init->image);
  section.Text("text", &init->text);
  section.Finish();
}

bool AllPairs(const std::vector<DatasetConfig>& datasets) {
  return std::all_of(datasets.begin(), datasets.end(), [](const DatasetConfig& dataset) {
    return dataset.modality == Modality::kPair;
  });
}

void ReadLocal(Section* root, const std::vector<DatasetConfig>& datasets, LocalConfig* local) {
  Section section = root->Sub("local");
  section.Whole("epochs", &local->epochs, 1, 10'000);
  section.Whole("batch", &local->batch, 1, 1 << 20);
  section.Number("learning_rate", &local->learning_rate, 1e-12, 100);
  section.Number("learning_rate_decay", &local->learning_rate_decay, 1e-6, 1);
  section.Whole("warmup_rounds", &local->warmup_rounds, 0, 1'000'000);
  section.Number("weight_decay", &local->weight_decay, 0, 1);
  section.Number("clip_norm", &local->clip_norm, 0, 1e9);
  section.OneOf("complementary", &local->complementary, Table(kComplementaryLayers));
  section.Flag("aux_trained", &local->aux_trained);
  if (section.Has("complementary") && local->complementary != ComplementaryLayers::kNone &&
      AllPairs(datasets)) {
    section.Problem(
        "complementary",
        "is for clients of images or texts; this run has pair clients alone, whose models "
        "hold both modalities");
  }
  section.Finish();

  Section contrastive = root->Sub("contrastive");
  contrastive.Flag("learn_scale", &local->learn_scale);
  contrastive.Finish();

  Section fedprox = root->Sub("fedprox");
  fedprox.Number("mu", &local->proximal_mu, 0, 1e6);
  fedprox.OneOf("rule", &local->proximal_rule, Table(kRules));
  fedprox.Finish();

  Section augmentation = root->Sub("augmentation");
  augmentation.Whole("crop_padding", &local->crop_padding, 0, 1024);
  augmentation.Number("rotation", &local->rotation, 0, 180);
  augmentation.Number("horizontal_flip", &local->horizontal_flip, 0, 1);
  augmentation.Number("vertical_flip", &local->vertical_flip, 0, 1);
  augmentation.Number("brightness", &local->brightness, 0, 1);
  augmentation.Number("contrast", &local->contrast, 0, 1);
  augmentation.Finish();
}

void ReadCreamFl(Section section, CreamFlConfig* creamfl) {
  section.Text("public", &creamfl->public_set);
  section.Whole("samples", &creamfl->samples, 1, 1 << 20);
  section.Whole("batch", &creamfl->batch, 1, 1 << 20);
  section.Number("temperature", &creamfl->temperature, 1e-6, 1e6);
  section.Number("contrast_weight", &creamfl->contrast_weight, 0, 1e9);
  section.Flag("pair_contrast", &creamfl->pair_contrast);
  section.Number("distill_weight", &creamfl->distill_weight, 0, 1e9);
  section.Number("distill_learning_rate", &creamfl->distill_learning_rate, 0, 100);
  section.Finish();
}

// What CreamFL needs of the rest of the file.
void CheckCreamFl(const RunConfig& config, Section* root) {
  if (config.method != Method::kCreamFl) return;
  if (config.creamfl.public_set.empty()) {
    root->Problem("method",
                  "is \"creamfl\", which needs a public set: give creamfl.public, a "
                  "folder with the train.shard of pairs that all sides hold");
  }
  if (config.local.complementary != ComplementaryLayers::kNone) {
    root->Problem("method",
                  "is \"creamfl\", which has no complementary layers: set "
                  "local.complementary to \"none\"");
  }
  const auto pairs = std::count_if(
      config.datasets.begin(), config.datasets.end(),
      [](const DatasetConfig& dataset) { return dataset.modality == Modality::kPair; });
  if (pairs != 1) {
    root->Problem("datasets", absl::StrCat("hold ", pairs,
                                           " datasets of modality \"pair\"; method "
                                           "\"creamfl\" needs exactly one"));
  }
}

void ReadAggregation(Section section, AggregationConfig* aggregation) {
  section.OneOf("rule", &aggregation->rule, Table(kRules));
  section.OneOf("share", &aggregation->share, Table(kShares));
  section.OneOf("scope", &aggregation->scope, Table(kScopes));
  section.Flag("compensation", &aggregation->compensation);
  section.Number("pair_weight", &aggregation->pair_weight, 1e-6, 1e6);
  section.Number("out_modality_scale", &aggregation->out_modality_scale, 0, 1);
  if (aggregation->rule == Rule::kPaper && aggregation->out_modality_scale != 1) {
    section.Problem("out_modality_scale", "belongs to rule = \"release\"; rule is \"paper\"");
  }
  if (aggregation->rule == Rule::kPaper && aggregation->compensation &&
      aggregation->scope != Scope::kModality) {
    section.Problem("compensation", "needs scope = \"modality\" under rule = \"paper\"");
  }
  section.Finish();
}

void ReadRound(Section section, RoundConfig* round) {
  section.Number("fraction", &round->fraction, 0, 1);
  section.Number("quorum", &round->quorum, 0, 1);
  section.Time("deadline", &round->deadline, absl::Seconds(1), kLongest);
  section.Time("grace", &round->grace, absl::ZeroDuration(), kLongest);
  section.Time("join_timeout", &round->join_timeout, absl::Seconds(1), kLongest);
  section.Whole("attempts", &round->attempts, 1, 1000);
  if (round->fraction == 0) section.Problem("fraction", "is 0; it must be above 0");
  section.Finish();
}

void ReadWire(Section section, WireConfig* wire) {
  section.OneOf("upload", &wire->upload, Table(kCodecWords));
  section.OneOf("download", &wire->download, Table(kModelCodecWords));
  section.OneOf("download_delta", &wire->download_delta, Table(kDeltaCodecWords));
  section.OneOf("pack_f32", &wire->pack_f32, Table(kPackings));
  int64_t chunk_kib = wire->chunk_bytes >> 10;
  section.Whole("chunk_kib", &chunk_kib, 16, 3000);
  wire->chunk_bytes = chunk_kib << 10;
  section.Time("heartbeat", &wire->heartbeat, kShortest, absl::Hours(1));
  section.Time("liveness", &wire->liveness, kShortest, absl::Hours(24));
  section.Time("keepalive", &wire->keepalive, absl::Seconds(1), absl::Hours(2));
  if (wire->liveness < 2 * wire->heartbeat) {
    section.Problem("liveness", absl::StrCat("is ", absl::FormatDuration(wire->liveness),
                                             "; it must be at least twice heartbeat = ",
                                             absl::FormatDuration(wire->heartbeat)));
  }
  section.Finish();
}

void ReadServer(Section section, ServerConfig* server) {
  section.Text("listen", &server->listen);
  Section tls = section.Sub("tls");
  tls.Text("certificate", &server->tls.certificate);
  tls.Text("key", &server->tls.key);
  tls.Text("authority", &server->tls.authority);
  tls.Flag("insecure", &server->tls.insecure);
  tls.Finish();
  section.Finish();
}

void ReadEvaluation(Section section, EvaluationConfig* evaluation) {
  section.Whole("every", &evaluation->every, 1, 1'000'000);
  section.Whole("batch", &evaluation->batch, 1, 1 << 20);
  section.Whole("threads", &evaluation->threads, 0, 1024);
  section.Finish();
}

void ReadLaunch(Section section, LaunchConfig* launch) {
  section.Text("device", &launch->device);
  section.Whole("threads", &launch->threads, 1, 1024);
  section.Finish();
}

void ReadRoot(Section* root, RunConfig* config) {
  root->Text("name", &config->name);
  root->OneOf("method", &config->method, Table(kMethods));
  ApplyMethodPreset(config);
  int64_t seed = static_cast<int64_t>(config->seed);
  root->Whole("seed", &seed, 0, std::numeric_limits<int64_t>::max());
  config->seed = static_cast<uint64_t>(seed);
  root->Whole("rounds", &config->rounds, 1, 1'000'000);
  if (!IsName(config->name)) {
    root->Problem("name", "must be given: 1 to 64 letters, digits, dots, dashes or underscores");
  }
  ReadDatasets(root, config);
  ReadModel(root->Sub("model"), &config->model);
  ReadInit(root->Sub("init"), &config->init);
  ReadLocal(root, config->datasets, &config->local);
  ReadCreamFl(root->Sub("creamfl"), &config->creamfl);
  ReadAggregation(root->Sub("aggregation"), &config->aggregation);
  ReadRound(root->Sub("round"), &config->round);
  ReadWire(root->Sub("wire"), &config->wire);
  ReadServer(root->Sub("server"), &config->server);
  ReadEvaluation(root->Sub("evaluation"), &config->evaluation);
  ReadLaunch(root->Sub("launch"), &config->launch);
  CheckCreamFl(*config, root);
  root->Finish();
}

// The value of --set key=value: TOML where it parses as such, else text.
toml::table ParseValue(const std::string& value) {
  try {
    return toml::parse(absl::StrCat("v = ", value));
  } catch (const toml::parse_error&) {
    toml::table table;
    table.insert_or_assign("v", value);
    return table;
  }
}

absl::Status ApplyOverride(const std::string& text, toml::table* root) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  std::vector<std::string> path = absl::StrSplit(parts.first, '.');
  if (text.find('=') == std::string::npos || parts.first.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", text, ": expected key=value, such as --set method=fedavg"));
  }
  toml::table* table = root;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (!table->contains(path[i])) table->insert(path[i], toml::table{});
    table = table->get(path[i])->as_table();
    if (table == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", text, ": `", path[i], "` is not a table that holds keys"));
    }
  }
  const toml::table value = ParseValue(parts.second);
  value.get("v")->visit([&](const auto& node) { table->insert_or_assign(path.back(), node); });
  return absl::OkStatus();
}

}  // namespace

absl::string_view MethodName(Method method) { return WordOf(method, Table(kMethods)); }
absl::string_view ShareName(Share share) { return WordOf(share, Table(kShares)); }
absl::string_view ScopeName(Scope scope) { return WordOf(scope, Table(kScopes)); }
absl::string_view RuleName(Rule rule) { return WordOf(rule, Table(kRules)); }

absl::StatusOr<RunConfig> ParseRunConfig(absl::string_view toml, const std::string& origin,
                                         const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(toml::table table, ParseToml(toml, origin));
  for (const std::string& text : overrides) RETURN_IF_ERROR(ApplyOverride(text, &table));
  ConfigProblems problems(origin);
  Section root(&table, "", &problems);
  RunConfig config;
  ReadRoot(&root, &config);
  if (!problems.status().ok()) return problems.status();
  return config;
}

absl::StatusOr<RunConfig> LoadRunConfig(const std::string& path,
                                        const std::vector<std::string>& overrides) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {  // a wrong path is wrong use, not damaged data
    return absl::InvalidArgumentError(absl::StrCat("run file ", text.status().message()));
  }
  return ParseRunConfig(*text, path, overrides);
}

}  // namespace tributary
