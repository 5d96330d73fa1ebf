#include "common/config/run_fields.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/config/choices.h"

namespace tributary {
namespace {

constexpr absl::Duration kShortest = absl::Milliseconds(100);
constexpr absl::Duration kLongest = absl::Hours(24 * 30);

// The defaults of the source of server optimizers, but for learning rates, which it tunes for each
// task: 1 makes the first round of `momentum` a plain merge; 0.01 bounds a value's step in a round
// to about that where the step adapts.
void PresetServerOptimizer(FedOptConfig* fedopt) {
  const bool adaptive = fedopt->optimizer == ServerOptimizer::kAdam ||
                        fedopt->optimizer == ServerOptimizer::kYogi ||
                        fedopt->optimizer == ServerOptimizer::kAdagrad;
  fedopt->learning_rate = adaptive ? 0.01 : 1;
  fedopt->momentum = fedopt->optimizer == ServerOptimizer::kAdagrad ? 0 : 0.9;
}

FieldTable<FedOptConfig> ServerOptimizerField() {
  return {WordField("server_optimizer", &FedOptConfig::optimizer, kServerOptimizers,
                    Mathematics::kYes, Clients::kNo,
                    "steps along what a round's merge changed, with any method; see "
                    "[algorithm.md](algorithm.md#8-server-optimisers)")
              .Preset(PresetServerOptimizer)};
}

}  // namespace

FieldTable<RunConfig> TopFields(const MethodTable& methods) {
  std::vector<Choice<const MethodCard*>> words;
  for (const MethodCard* card : methods.cards) words.push_back({card->word, card});
  const MethodCard* const by_default = methods.by_default;
  const FieldTable<RunConfig> fields = {
      TextField("name", &RunConfig::name, Mathematics::kYes, Clients::kIndirect,
                "name of the run: letters, digits, `.`, `-`, `_`, at most 64")
          .Required(),
      WordField("method", &RunConfig::method, words, Mathematics::kYes, Clients::kIndirect,
                "a preset of the keys below (see [Methods](#methods))")
          .ShownDefault(absl::StrCat("`\"", by_default->word, "\"`"))
          .Preset([by_default](RunConfig* config) {
            if (config->method == nullptr) config->method = by_default;
            if (config->method->preset) config->method->preset(config);
          }),
      WholeField("seed", &RunConfig::seed, 0, std::numeric_limits<int64_t>::max(),
                 Mathematics::kYes, Clients::kIndirect,
                 "seed of every random stream of the run; the same file, data and seed give the "
                 "same final bits"),
      WholeField("rounds", &RunConfig::rounds, 1, 1'000'000, Mathematics::kNo, Clients::kNo,
                 "number of rounds"),
  };
  return Joined(fields, FieldsThrough<RunConfig>(&RunConfig::fedopt, ServerOptimizerField()));
}

const FieldTable<DatasetConfig>& DatasetFields() {
  static const auto* const kFields = new FieldTable<DatasetConfig>{
      TextField("name", &DatasetConfig::name, Mathematics::kYes, Clients::kNo,
                "as the run's `name`; names results, metrics and model files")
          .Required(),
      WordField("modality", &DatasetConfig::modality, kModalities, Mathematics::kYes,
                Clients::kIndirect, "what its clients hold")
          .Required(),
      WholeField("clients", &DatasetConfig::clients, 1, 100'000, Mathematics::kYes,
                 Clients::kIndirect, "how many are expected; `tributary run` starts that many")
          .Required(),
      TextField("path", &DatasetConfig::path, Mathematics::kNo, Clients::kNo,
                "folder that `tributary prepare` made: `test/` for the coordinator, "
                "`client-00/`, ... for clients")
          .Required(),
      TextField("schema", &DatasetConfig::schema, Mathematics::kIndirect, Clients::kNo,
                "file of `tributary schema`; needed where the coordinator has no test shard "
                "(`evaluation.where = \"clients\"`)"),
  };
  return *kFields;
}

const FieldTable<InitConfig>& InitFields() {
  static const auto* const kFields = new FieldTable<InitConfig>{
      TextField("image", &InitConfig::image, Mathematics::kIndirect, Clients::kNo,
                "a safetensors file of a ViT (timm, transformers and others): fills the image "
                "parts of every "
                "model that has them, and the final norm of all. Positions of another resolution "
                "are interpolated"),
      TextField("text", &InitConfig::text, Mathematics::kIndirect, Clients::kNo,
                "a safetensors file with the names of BERT's family: fills the text embedding of "
                "every model that has one. Its vocabulary must be `model.vocabulary`"),
  };
  return *kFields;
}

const FieldTable<AggregationConfig>& AggregationFields() {
  static const auto* const kFields = new FieldTable<AggregationConfig>{
      WordField("rule", &AggregationConfig::rule, kRules, Mathematics::kYes, Clients::kNo,
                "`paper` merges deltas by one formula; `release` does what the paper's code does, "
                "in its order"),
      WordField("share", &AggregationConfig::share, kShares, Mathematics::kYes, Clients::kNo,
                "parameters merged beyond a dataset's own clients"),
      WordField("scope", &AggregationConfig::scope, kScopes, Mathematics::kYes, Clients::kNo,
                "with whom they are merged: `modality` counts pair clients as both, "
                "`modality_exact` takes the same kind of client"),
      FlagField("compensation", &AggregationConfig::compensation, Mathematics::kYes, Clients::kNo,
                "what is not shared moves by the same coefficients as what is: its sum is divided "
                "by the samples of all clients that hold the modality; under `paper` needs scope "
                "`modality`"),
      NumberField("pair_weight", &AggregationConfig::pair_weight, 1e-6, 1e6, Mathematics::kYes,
                  Clients::kNo, "factor on the sample counts of pair clients"),
      NumberField("out_modality_scale", &AggregationConfig::out_modality_scale, 0, 1,
                  Mathematics::kYes, Clients::kNo,
                  "under `release`: factor on the sample counts of clients of another kind"),
  };
  return *kFields;
}

const FieldTable<FedOptConfig>& FedOptFields() {
  static const auto* const kFields = new FieldTable<FedOptConfig>{
      NumberField("learning_rate", &FedOptConfig::learning_rate, 1e-12, 1e6, Mathematics::kYes,
                  Clients::kNo, "of the server optimizer")
          .ShownDefault("1; 0.01 for `adam`, `yogi`, `adagrad`"),
      NumberField("momentum", &FedOptConfig::momentum, 0, 0.999999, Mathematics::kYes, Clients::kNo,
                  "weight of the last first moment in the next; beta 1 in the source")
          .ShownDefault("0.9; 0 for `adagrad`"),
      NumberField("beta2", &FedOptConfig::beta2, 0, 0.999999, Mathematics::kYes, Clients::kNo,
                  "of `adam` and `yogi`: weight of the last second moment in the next"),
      NumberField("tau", &FedOptConfig::tau, 1e-12, 1e6, Mathematics::kYes, Clients::kNo,
                  "added to the root of the second moment, which starts at its square: the larger, "
                  "the less the step adapts; not of `momentum`"),
  };
  return *kFields;
}

const FieldTable<RoundConfig>& RoundFields() {
  static const auto* const kFields = new FieldTable<RoundConfig>{
      NumberField("fraction", &RoundConfig::fraction, 0, 1, Mathematics::kYes, Clients::kNo,
                  "part of each dataset's attending clients that is sampled, above 0; at least "
                  "one client"),
      NumberField("quorum", &RoundConfig::quorum, 0, 1, Mathematics::kNo, Clients::kNo,
                  "part of the cohort that must have reported at the deadline"),
      TimeField("deadline", &RoundConfig::deadline, absl::Seconds(1), kLongest, Mathematics::kNo,
                Clients::kIndirect,
                "of a round; with a quorum it closes then, without it is retried"),
      TimeField("grace", &RoundConfig::grace, absl::ZeroDuration(), kLongest, Mathematics::kNo,
                Clients::kNo,
                "beyond the deadline for uploads that are under way; also how long a lost client "
                "is awaited before a round"),
      TimeField("join_timeout", &RoundConfig::join_timeout, absl::Seconds(1), kLongest,
                Mathematics::kNo, Clients::kNo,
                "how long the first round waits for the expected clients"),
      WholeField("attempts", &RoundConfig::attempts, 1, 1000, Mathematics::kNo, Clients::kNo,
                 "of a round without a quorum, before the run fails (the last commit stands)"),
  };
  return *kFields;
}

const FieldTable<WireConfig>& WireFields() {
  static const auto* const kFields = new FieldTable<WireConfig>{
      WordField("upload", &WireConfig::upload, kCodecWords, Mathematics::kYes, Clients::kIndirect,
                "codec of updates; `f32` is lossless, [codecs.md](codecs.md) says which to take"),
      WordField("download", &WireConfig::download, kModelCodecWords, Mathematics::kYes,
                Clients::kNo, "codec of a whole model"),
      WordField("download_delta", &WireConfig::download_delta, kDeltaCodecWords, Mathematics::kYes,
                Clients::kIndirect,
                "codec of the difference for a client that holds the last round's model"),
      WordField("pack_f32", &WireConfig::pack_f32, kPackings, Mathematics::kNo, Clients::kIndirect,
                "whether f32 is packed by zstd; `auto`: unless the coordinator listens on the "
                "loopback. Other codecs are packed where that makes them smaller"),
      // Codecs cut their blocks at the ends of chunks.
      WholeField("chunk_kib", &WireConfig::chunk_kib, kLeastChunkKib, kMostChunkKib,
                 Mathematics::kYes, Clients::kIndirect,
                 "size of a chunk; lossy codecs round by it"),
      TimeField("heartbeat", &WireConfig::heartbeat, kShortest, absl::Hours(1), Mathematics::kNo,
                Clients::kIndirect,
                "how often a client reports; from 1,000 expected clients on more seldom: 200 "
                "reports a second in all, three of a client within `liveness`"),
      TimeField("liveness", &WireConfig::liveness, kShortest, absl::Hours(24), Mathematics::kNo,
                Clients::kIndirect,
                "silence after which a client counts as absent; at least twice `heartbeat`"),
      TimeField("keepalive", &WireConfig::keepalive, absl::Seconds(1), absl::Hours(2),
                Mathematics::kNo, Clients::kNo, "gRPC pings on an idle connection"),
  };
  return *kFields;
}

const FieldTable<ServerConfig>& ServerFields() {
  static const auto* const kFields = new FieldTable<ServerConfig>{
      TextField("listen", &ServerConfig::listen, Mathematics::kNo, Clients::kIndirect,
                "address; `tributary-server --listen` replaces it"),
  };
  return *kFields;
}

const FieldTable<TlsConfig>& TlsFields() {
  static const auto* const kFields = new FieldTable<TlsConfig>{
      TextField("certificate", &TlsConfig::certificate, Mathematics::kNo, Clients::kNo,
                "PEM file; all three or none. Clients must then show a certificate too"),
      TextField("key", &TlsConfig::key, Mathematics::kNo, Clients::kNo, "PEM file"),
      TextField("authority", &TlsConfig::authority, Mathematics::kNo, Clients::kNo, "PEM file"),
      FlagField("insecure", &TlsConfig::insecure, Mathematics::kNo, Clients::kNo,
                "allows plain text beyond the loopback"),
  };
  return *kFields;
}

const FieldTable<EvaluationConfig>& EvaluationFields() {
  static const auto* const kFields = new FieldTable<EvaluationConfig>{
      WholeField("every", &EvaluationConfig::every, 1, 1'000'000, Mathematics::kNo, Clients::kNo,
                 "rounds between evaluations; the last round is always evaluated"),
      WordField(
          "where", &EvaluationConfig::where, kEvaluationPlaces, Mathematics::kNo, Clients::kNo,
          "`server`: on the test shards of the coordinator; `clients`: each client on its own "
          "test part, of which it sends counts, never samples; `both`"),
      TimeField("deadline", &EvaluationConfig::deadline, absl::Seconds(1), kLongest,
                Mathematics::kNo, Clients::kIndirect,
                "for clients to report; the round is committed without those that have not"),
      FlagField("trained", &EvaluationConfig::trained, Mathematics::kNo, Clients::kIndirect,
                "clients also evaluate the weights that they have just trained, before merging"),
      WholeField("batch", &EvaluationConfig::batch, 1, 1 << 20, Mathematics::kNo, Clients::kNo,
                 "samples at a time"),
      WholeField("threads", &EvaluationConfig::threads, 0, 1024, Mathematics::kNo, Clients::kNo,
                 "0: all cores"),
      TextField("best", &EvaluationConfig::best, Mathematics::kNo, Clients::kNo,
                "`DATASET.METRIC`: keeps the models of the round where it is best in `best/`. "
                "Metrics of images and texts: `accuracy`, `balanced_accuracy`, `macro_f1`, "
                "`auroc`, `loss`; of pairs: `r1_sum`, `loss`. Of `loss` the lowest is the best"),
      WholeField("patience", &EvaluationConfig::patience, 0, 1'000'000, Mathematics::kNo,
                 Clients::kNo,
                 "ends the run when so many evaluations in a row have not improved on `best`; 0: "
                 "it runs all rounds"),
  };
  return *kFields;
}

const FieldTable<CheckpointsConfig>& CheckpointsFields() {
  static const auto* const kFields = new FieldTable<CheckpointsConfig>{
      WholeField("keep", &CheckpointsConfig::keep, 2, 1'000'000, Mathematics::kNo, Clients::kNo,
                 "how many of the newest checkpoints stay in the state folder, each as large as "
                 "all models; a run goes on from the last"),
  };
  return *kFields;
}

const FieldTable<LaunchConfig>& LaunchFields() {
  static const auto* const kFields = new FieldTable<LaunchConfig>{
      TextField("device", &LaunchConfig::device, Mathematics::kNo, Clients::kNo,
                "of the clients: `cpu`, `cuda`, `cuda:N`, `auto`"),
      WholeField("threads", &LaunchConfig::threads, 1, 1024, Mathematics::kNo, Clients::kNo,
                 "of each client"),
  };
  return *kFields;
}

}  // namespace tributary
