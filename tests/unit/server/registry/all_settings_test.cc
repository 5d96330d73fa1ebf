// Every key of the run file, taken from its default to another value, arrives wherever it must: in
// the config, in the fingerprint exactly if it changes the mathematics, at the clients exactly if
// they are to learn of it, and in docs/run-file.md.
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/daemon/training_proto.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/method_card.h"
#include "common/config/settings_group.h"
#include "common/rpc/model_proto.h"
#include "server/method/creamfl/settings.h"
#include "server/method/method_table.h"
#include "server/registry/admission.h"
#include "server/registry/run_context.h"
#include "server/round/task_message.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

// A key that a run file gives; `section` is a SettingsGroup's.
struct Given {
  std::string section, key, toml;
};

// A small model, and no method that presets keys; TextOf() adds datasets of other modalities.
std::vector<Given> BaseFile() {
  return {{"", "name", "\"demo\""},
          {"", "method", "\"fedavg\""},
          {"datasets", "name", "\"pictures\""},
          {"datasets", "modality", "\"image\""},
          {"datasets", "clients", "2"},
          {"datasets", "path", "\"data/pictures\""},
          {"model", "size", "\"toy\""},
          {"model", "patch", "4"},
          {"model", "image_size", "8"}};
}

// Behind the first dataset, whose keys are the fields of [[datasets]].
constexpr char kOtherDatasets[] = R"(
[[datasets]]
name = "words"
modality = "text"
clients = 2
path = "data/words"
[[datasets]]
name = "icons"
modality = "pair"
clients = 2
path = "data/icons"
)";

// The last of several values of a key counts.
std::string TextOf(const std::vector<Given>& file) {
  std::map<std::string, std::map<std::string, std::string>> sections;
  for (const Given& given : file) sections[given.section][given.key] = given.toml;
  std::string text;
  for (const auto& [section, keys] : sections) {
    const bool list = section == "datasets";
    if (!section.empty()) absl::StrAppend(&text, list ? "[[" : "[", section, list ? "]]\n" : "]\n");
    for (const auto& [key, toml] : keys) absl::StrAppend(&text, key, " = ", toml, "\n");
    if (list) absl::StrAppend(&text, kOtherDatasets);
  }
  return text;
}

// The run of a file, as the coordinator makes it; contents of files are stood for by their paths.
absl::StatusOr<RunContext> RunOf(const std::vector<Given>& file) {
  ASSIGN_OR_RETURN(const RunConfig config, ParseRunConfig(TextOf(file), "run.toml", Methods()));
  std::map<std::string, int64_t> classes;
  for (const DatasetConfig& dataset : config.datasets) {
    classes[dataset.name] = dataset.modality == Modality::kPair ? 0 : 3;
  }
  PublicSetCard public_set;
  if (const auto chosen = PublicSetOf(config); chosen.has_value()) {
    public_set = {absl::StrCat("digest of ", chosen->folder), chosen->samples,
                  chosen->pair_clients};
  }
  const std::string& vocabulary = config.model.vocabulary;
  ASSIGN_OR_RETURN(RunContext run,
                   MakeRunContext(config, classes, 20 + static_cast<int64_t>(vocabulary.size()),
                                  absl::StrCat("digest of ", vocabulary), public_set));
  for (auto& [name, dataset] : run.datasets) {
    if (dataset.config.schema.empty()) continue;
    dataset.schema.classes = {absl::StrCat("a class of ", dataset.config.schema)};
  }
  return run;
}

// The task of a round that has just begun.
v1::Task TaskOf(const RunContext& run, int round) {
  return MakeTask(run, round, 0, run.config.round.deadline, 0);
}

// All that clients are told before and in rounds 1 and 3: rates differ by round.
std::vector<std::string> Told(const RunContext& run) {
  std::vector<std::string> told;
  for (const DatasetConfig& dataset : run.config.datasets) {
    told.push_back(MakeWelcome(run, run.datasets.at(dataset.name)).SerializeAsString());
  }
  for (const int round : {1, 3}) told.push_back(TaskOf(run, round).SerializeAsString());
  told.push_back(MakeEvaluationTask(1, 0, run.config.evaluation.deadline).SerializeAsString());
  return told;
}

// The settings that a client reads from a Welcome and a Task, in the run file's place.
absl::StatusOr<RunConfig> Received(const RunContext& run) {
  RunConfig config;
  const v1::Welcome welcome = MakeWelcome(run, run.datasets.begin()->second);
  ASSIGN_OR_RETURN(config.model.spec, ModelSpecFromProto(welcome.model()));
  ASSIGN_OR_RETURN(config.local, LocalTrainingFromProto(TaskOf(run, 1).training()));
  if (config.local.contrast.has_value()) {
    MethodSettings<CreamFlSettings>(config).contrast = *config.local.contrast;
  }
  return config;
}

// Another value of a range than `before`, of few digits, as TOML prints six.
struct Another {
  const Value& before;

  Value operator()(const FlagRange&) const { return !std::get<bool>(before); }
  Value operator()(const TextRange&) const {
    return absl::StrCat(std::get<std::string>(before), "x");
  }
  Value operator()(const WholeRange& range) const {
    const int64_t value = std::get<int64_t>(before);
    return value < range.most ? value + 1 : value - 1;
  }
  Value operator()(const NumberRange& range) const {
    const double half = std::get<double>(before) / 2;
    return half > 0 && half >= range.least ? half : range.most / 2;
  }
  Value operator()(const TimeRange& range) const {
    const absl::Duration value = std::get<absl::Duration>(before);
    return value * 2 <= range.most ? value * 2 : value / 2;
  }
  Value operator()(const WordRange& range) const {
    const std::string& first = range.words.front();
    return std::get<std::string>(before) == first ? range.words.at(1) : first;
  }
};

// What a field needs beyond Another{}.
struct Special {
  std::string section, key;            // no key: all keys of the section
  std::optional<Value> value = {};     // in place of Another{}'s
  std::vector<Given> companions = {};  // keys without which the field's would not be read
};

// `weights`: a file that exists.
std::vector<Special> Specials(const std::string& weights) {
  return {
      // Only many clients are asked to report more seldom.
      {"datasets", "clients", int64_t{2000}},
      {"wire", "liveness", std::nullopt, {{"datasets", "clients", "4000"}}},
      // Sizes must divide one another.
      {"model", "dim", int64_t{192}},
      {"model", "heads", int64_t{2}},
      {"model", "patch", int64_t{8}},
      {"model", "image_size", int64_t{32}},
      // The files are read.
      {"init", "image", weights},
      {"init", "text", weights},
      // What clients are told depends on whether it is the loopback.
      {"server", "listen", std::string("0.0.0.0:7700")},
      // Refused under the defaults of the keys beside them.
      {"aggregation", "compensation", std::nullopt, {{"aggregation", "scope", "\"modality\""}}},
      {"aggregation", "out_modality_scale", std::nullopt, {{"aggregation", "rule", "\"release\""}}},
      // Names a dataset of the run.
      {"evaluation", "best", std::string("words.loss")},
      {"evaluation", "patience", std::nullopt, {{"evaluation", "best", "\"icons.r1_sum\""}}},
      // Of one method alone, which needs a public set.
      {"creamfl",
       "",
       std::nullopt,
       {{"", "method", "\"creamfl\""}, {"creamfl", "public", "\"p\""}}},
  };
}

class AllSettingsTest : public ::testing::Test {
 protected:
  AllSettingsTest() { std::ofstream(scratch_ / "weights.safetensors") << "weights"; }

  Special SpecialOf(const std::string& section, const std::string& key) const {
    for (const Special& special : Specials(scratch_ / "weights.safetensors")) {
      if (special.section == section && (special.key == key || special.key.empty())) {
        return special;
      }
    }
    return {.section = section, .key = key};
  }

  void Check(const std::string& section, const Field<RunConfig>& field) const {
    const FieldSpec& spec = field.spec;
    const Special special = SpecialOf(section, spec.key);
    std::vector<Given> file = BaseFile();
    file.insert(file.end(), special.companions.begin(), special.companions.end());
    const absl::StatusOr<RunContext> base = RunOf(file);
    ASSERT_TRUE(base.ok()) << base.status();
    const Value before = field.get(base->config);
    const Value value = special.value.value_or(std::visit(Another{before}, spec.range));
    file.push_back({section, spec.key, TomlOf(value)});
    const absl::StatusOr<RunContext> run = RunOf(file);
    ASSERT_TRUE(run.ok()) << run.status();

    RunConfig defaults;
    defaults.datasets.emplace_back();
    EXPECT_NE(value, field.get(defaults)) << "a value that nobody copied would not be missed";
    EXPECT_EQ(field.get(run->config), value);
    EXPECT_EQ(Fingerprint(*run) != Fingerprint(*base), spec.mathematics != Mathematics::kNo);
    EXPECT_EQ(Told(*run) != Told(*base), spec.clients != Clients::kNo);
    if (spec.clients != Clients::kYes) return;
    const absl::StatusOr<RunConfig> received = Received(*run);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ(field.get(*received), value);
  }

 private:
  ScratchFolder scratch_;
};

TEST_F(AllSettingsTest, ArriveInTheConfigTheFingerprintAndAtClients) {
  int fields = 0;
  for (const SettingsGroup& group : AllGroups(Methods())) {
    for (const Field<RunConfig>& field : group.fields) {
      SCOPED_TRACE(absl::StrCat(group.section, ".", field.spec.key));
      Check(group.section, field);
      ++fields;
    }
  }
  EXPECT_GT(fields, 70);
}

// The part of docs/run-file.md that is about `section`.
std::string PartOf(const std::string& page, const std::string& section) {
  std::string heading = absl::StrCat("\n## `[", section, "]`");
  if (section.empty()) heading = "\n## Top level";
  if (section == "datasets") heading = "\n## `[[datasets]]`";
  const size_t start = page.find(heading);
  if (start == std::string::npos) return "";
  return page.substr(start, page.find("\n## ", start + 1) - start);
}

TEST_F(AllSettingsTest, HaveARowInTheDocumentation) {
  const auto page = ReadFile(absl::StrCat(TRIBUTARY_SOURCE_DIR, "/docs/run-file.md"));
  ASSERT_TRUE(page.ok()) << page.status();
  for (const SettingsGroup& group : AllGroups(Methods())) {
    const std::string part = PartOf(*page, group.section);
    for (const Field<RunConfig>& field : group.fields) {
      EXPECT_TRUE(absl::StrContains(part, absl::StrCat("\n| `", field.spec.key, "` | ")))
          << group.section << "." << field.spec.key;
    }
  }
}

}  // namespace
}  // namespace tributary
