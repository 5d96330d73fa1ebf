#include "tool/prepare/schema_command.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/data/dataset_layout.h"
#include "common/data/schema.h"
#include "common/data/tokenizer.h"
#include "server/method/method_table.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

// The shard that `path` names: itself, a client's or a test's folder, or a folder of `prepare`.
absl::StatusOr<std::string> FindShard(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  const std::vector<std::string> inside = {std::string(kTrainShard), "test.shard",
                                           std::string(kTestShard), TrainShardOf(0)};
  for (const std::string& name : inside) {
    const std::string shard = absl::StrCat(path, "/", name);
    if (fs::exists(shard, error)) return shard;
  }
  return absl::NotFoundError(
      absl::StrCat(path, " holds none of ", absl::StrJoin(inside, ", "),
                   "; --shard takes a shard or a folder that `tributary prepare` made"));
}

absl::StatusOr<Schema> FromShard(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string file, FindShard(path));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Shard> shard, Shard::Open(file));
  return SchemaOf(shard->info());
}

absl::StatusOr<Schema> FromRun(const SchemaCommand& command) {
  ASSIGN_OR_RETURN(const RunConfig config,
                   LoadRunConfig(command.run, Methods(), command.overrides));
  const auto dataset =
      std::find_if(config.datasets.begin(), config.datasets.end(),
                   [&](const DatasetConfig& one) { return one.name == command.dataset; });
  if (dataset == config.datasets.end()) {
    std::vector<std::string> names;
    for (const DatasetConfig& one : config.datasets) names.push_back(one.name);
    return absl::InvalidArgumentError(absl::StrCat("schema: --dataset \"", command.dataset,
                                                   "\" is not of ", command.run, "; it has ",
                                                   absl::StrJoin(names, ", ")));
  }
  ASSIGN_OR_RETURN(Schema schema, FromShard(dataset->path));
  if (dataset->modality == Modality::kImage) return schema;
  ASSIGN_OR_RETURN(const std::string vocabulary, FindVocabulary(config.model.vocabulary));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Load(vocabulary));
  schema.max_tokens = config.model.spec.max_tokens;
  schema.vocabulary = tokenizer->digest();
  return schema;
}

absl::StatusOr<std::vector<std::string>> ReadClasses(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<std::string> classes;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view name = absl::StripAsciiWhitespace(line);
    if (!name.empty()) classes.emplace_back(name);
  }
  return classes;
}

absl::StatusOr<Schema> FromClasses(const SchemaCommand& command) {
  Schema schema{.dataset = command.dataset};
  if (command.dataset.empty() || command.modality.empty()) {
    return absl::InvalidArgumentError(
        "schema: --classes needs --dataset NAME and --modality image or text");
  }
  ASSIGN_OR_RETURN(schema.modality, ParseModality(command.modality));
  ASSIGN_OR_RETURN(schema.classes, ReadClasses(command.classes));
  if (schema.modality == Modality::kText) return schema;
  schema.image_size = command.image_size;
  schema.channels = command.channels;
  const std::vector<float> half(static_cast<size_t>(command.channels), 0.5F);
  schema.mean = command.mean.empty() ? half : command.mean;
  schema.deviation = command.deviation.empty() ? half : command.deviation;
  return schema;
}

absl::StatusOr<Schema> MakeSchema(const SchemaCommand& command) {
  const int sources = (command.shard.empty() ? 0 : 1) + (command.classes.empty() ? 0 : 1) +
                      (command.run.empty() ? 0 : 1);
  if (sources != 1) {
    return absl::InvalidArgumentError("schema: give one of --shard, --classes and --run");
  }
  if (!command.shard.empty()) return FromShard(command.shard);
  return command.run.empty() ? FromClasses(command) : FromRun(command);
}

}  // namespace

void AddSchemaFlags(CLI::App* app, SchemaCommand* command) {
  app->add_option("--shard", command->shard,
                  "take it from this shard, or from a folder that `tributary prepare` made");
  app->add_option("--classes", command->classes,
                  "take the classes from this file: one name a line, in the order of labels");
  app->add_option("--run", command->run, "take it from a dataset of this run file");
  app->add_option("--set", command->overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--dataset", command->dataset, "how run files call the dataset");
  app->add_option("--modality", command->modality, "with --classes: image or text")
      ->check(CLI::IsMember({"image", "text"}));
  app->add_option("--image-size", command->image_size, "with --classes: side of training images");
  app->add_option("--channels", command->channels, "with --classes: 1 or 3")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  app->add_option("--mean", command->mean, "with --classes: of each channel, of values from 0 to 1")
      ->delimiter(',');
  app->add_option("--deviation", command->deviation, "with --classes: of each channel, likewise")
      ->delimiter(',');
  app->add_option("--out", command->out, "file to write; by default standard output");
}

absl::Status RunSchema(const SchemaCommand& command) {
  ASSIGN_OR_RETURN(const Schema schema, MakeSchema(command));
  if (absl::Status status = CheckSchema(schema); !status.ok()) return Annotate(status, "schema");
  const std::string text =
      SchemaToJson(schema).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (!command.out.empty()) return WriteFileAtomically(command.out, text);
  std::cout << text << std::flush;
  return absl::OkStatus();
}

}  // namespace tributary
