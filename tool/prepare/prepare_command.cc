#include "tool/prepare/prepare_command.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "preparation/report.h"
#include "tool/prepare/progress_line.h"

namespace tributary {
namespace {

const char* const kRoles[] = {"path", "text", "label", "owner", "split"};

// Where deploy/fetch-data.sh unpacks the packages.
std::string DefaultRoot() {
  const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe)
  const char* home = std::getenv("HOME");             // NOLINT(concurrency-mt-unsafe)
  const std::string base =
      cache != nullptr ? cache : absl::StrCat(home != nullptr ? home : "", "/.cache");
  return base + "/tributary/data/root";
}

std::string DatasetsInWords() {
  std::string words = "one of:";
  for (const DatasetReader& reader : DatasetReaders()) {
    absl::StrAppend(&words, "\n  ", reader.name, ": ", reader.summary);
    if (!reader.variants.empty()) {
      absl::StrAppend(&words, " (--variant ", absl::StrJoin(reader.variants, ", "), ")");
    }
  }
  return words;
}

void AddSourceFlags(CLI::App* app, PrepareCommand* command) {
  DatasetSource& source = command->options.source;
  source.root = DefaultRoot();
  app->add_option("--dataset", command->options.dataset, DatasetsInWords());
  app->add_option("--root,--source", source.root,
                  "folder or archive as published; by default the packages of deploy/fetch-data.sh")
      ->capture_default_str();
  app->add_option("--variant", source.variant, "of the dataset, see --dataset");
  app->add_option("--train-ids", source.train_ids, ".npy with the ids to train on, in this order");
  app->add_option("--test-ids", source.test_ids, ".npy with the ids to test on");
  app->add_option("--column", command->columns,
                  "ROLE=COLUMN of your own files; roles: path, text, label, owner, split; ROLE= "
                  "leaves one out");
  app->add_option("--encoding", source.encoding,
                  "of your own tables and folders' names, as windows-1252; default: UTF-8");
  app->add_option("--test-share", source.test_share,
                  "drawn for the test where the source has no split of its own")
      ->capture_default_str();
}

absl::Status ReadColumns(const std::vector<std::string>& columns, DatasetSource* source) {
  for (const std::string& column : columns) {
    std::pair<std::string, std::string> pair = absl::StrSplit(column, absl::MaxSplits('=', 1));
    const bool known =
        std::find(std::begin(kRoles), std::end(kRoles), pair.first) != std::end(kRoles);
    if (!known || !absl::StrContains(column, '=')) {
      return absl::InvalidArgumentError(absl::StrCat("--column ", column,
                                                     ": expected ROLE=COLUMN with ROLE one of ",
                                                     absl::StrJoin(kRoles, ", ")));
    }
    source->columns[pair.first] = pair.second;
  }
  return absl::OkStatus();
}

absl::Status ReadSchemaFlags(const PrepareCommand& command, PrepareOptions* options) {
  if (command.unknown_labels == "skip") options->unknown_labels = UnknownLabels::kSkip;
  if (command.schema.empty()) {
    if (command.unknown_labels == "refuse") return absl::OkStatus();
    return absl::InvalidArgumentError("prepare: --unknown-labels goes with --schema FILE");
  }
  if (command.quickstart) {
    return absl::InvalidArgumentError("prepare: --quickstart takes no --schema: it has its own");
  }
  ASSIGN_OR_RETURN(options->schema, ReadSchema(command.schema));
  return absl::OkStatus();
}

}  // namespace

void AddPrepareFlags(CLI::App* app, PrepareCommand* command) {
  PrepareOptions& options = command->options;
  options.out = "data";
  options.threads = CoreCount();
  app->add_flag("--quickstart", command->quickstart,
                "prepare the datasets of the default federation");
  AddSourceFlags(app, command);
  app->add_option("--name", options.name, "that run files call the dataset by; default: --dataset");
  app->add_option("--schema", command->schema,
                  "file of `tributary schema` that all owners share: classes in order, image size, "
                  "channels, normalisation, name");
  app->add_option("--unknown-labels", command->unknown_labels,
                  "of labels that the schema does not have: refuse, or skip and list them")
      ->capture_default_str()
      ->check(CLI::IsMember({"refuse", "skip"}));
  app->add_option("--out", options.out, "folder for the shards")->capture_default_str();
  app->add_option("--clients", options.clients, "number of clients")->capture_default_str();
  app->add_option("--partition", options.partition,
                  "iid, dirichlet:ALPHA, pairs, natural or column:NAME")
      ->capture_default_str();
  app->add_option("--min-classes", options.min_classes, "that each client must hold; of dirichlet")
      ->capture_default_str();
  app->add_option(
         "--store", command->store,
         "pixels (at training resolution) or original (as published, decoded while training)")
      ->capture_default_str()
      ->check(CLI::IsMember({"pixels", "original"}));
  app->add_option("--image-size", options.image_size,
                  "side of training images, pixels; 0: the dataset's")
      ->capture_default_str();
  app->add_option("--max-samples-per-client", options.most_samples, "0: all")
      ->capture_default_str();
  app->add_option(
         "--client-test-share", options.client_test_share,
         "of each client's samples, for its own test part: clients evaluate on it where the "
         "run file says evaluation.where = \"clients\"")
      ->capture_default_str();
  app->add_option("--max-train", options.most_train, "first samples of the list; 0: all")
      ->capture_default_str();
  app->add_option("--max-test", options.most_test, "first samples of the list; 0: all")
      ->capture_default_str();
  app->add_option("--orientation", command->orientation,
                  "that a file's metadata give: keep (pixels as stored) or apply (turned upright)")
      ->capture_default_str();
  app->add_option("--window", command->window,
                  "LOW:HIGH, levels that become black and white in images over 8 bits, or auto for "
                  "each image's own; default: the whole range, for DICOM the file's window");
  app->add_flag("--keep-leaks", options.keep_leaks,
                "keep training samples that are also in the test, as the paper's runs do");
  app->add_flag("--strict", options.strict, "fail if any sample would have to be left out");
  app->add_option("--seed", options.seed, "of the random choices")->capture_default_str();
  app->add_option("--threads", options.threads, "that decode images")->capture_default_str();
  app->add_flag("--json", command->json, "print one JSON object per dataset");
}

absl::Status RunPrepare(const PrepareCommand& command) {
  PrepareOptions given = command.options;
  given.storage = command.store == "original" ? ImageStorage::kOriginal : ImageStorage::kPixels;
  RETURN_IF_ERROR(ReadColumns(command.columns, &given.source));
  RETURN_IF_ERROR(ReadSchemaFlags(command, &given));
  RETURN_IF_ERROR(ReadWindow(command.window, &given.decoding));
  RETURN_IF_ERROR(ReadOrientation(command.orientation, &given.decoding));
  std::vector<PrepareOptions> all = {given};
  if (command.quickstart) {
    all = QuickstartOptions(given.source.root, given.out, given.threads);
    for (PrepareOptions& options : all) options.command = given.command;
  } else if (given.dataset.empty()) {
    return absl::InvalidArgumentError("prepare: give --dataset NAME or --quickstart");
  }
  for (const PrepareOptions& options : all) {
    ProgressLine progress(options.dataset);
    ASSIGN_OR_RETURN(const nlohmann::json report,
                     Prepare(options, [&](const PrepareProgress& done) { progress.Show(done); }));
    if (command.json) {
      std::cout << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                << std::endl;
      continue;
    }
    std::cout << PrepareTable(report);
    if (report["skipped"] > 0) std::cout << "  left out: " << options.out << "/skipped.jsonl\n";
    std::cout << "  shards in " << options.out << ", plot " << options.out << "/clients.svg\n"
              << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace tributary
