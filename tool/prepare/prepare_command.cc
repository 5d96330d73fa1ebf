#include "tool/prepare/prepare_command.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// Where deploy/fetch-data.sh unpacks the packages.
std::string DefaultSource() {
  const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe)
  const char* home = std::getenv("HOME");             // NOLINT(concurrency-mt-unsafe)
  const std::string base =
      cache != nullptr ? cache : absl::StrCat(home != nullptr ? home : "", "/.cache");
  return base + "/tributary/data/root";
}

// A line on stderr that is rewritten on a terminal, and written at tenths elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what)
      : what_(std::move(what)), terminal_(isatty(STDERR_FILENO) != 0), began_(absl::Now()) {}

  void Show(int64_t done, int64_t total) {
    const int64_t tenth = 10 * done / total;
    const bool due = terminal_ ? done % 32 == 0 || done == total : tenth != shown_;
    if (!due) return;
    shown_ = tenth;
    const absl::Duration left =
        (absl::Now() - began_) / static_cast<double>(done) * static_cast<double>(total - done);
    std::fprintf(stderr, "%s%s: %ld of %ld images, about %.0f s left%s", terminal_ ? "\r" : "",
                 what_.c_str(), static_cast<long>(done), static_cast<long>(total),
                 absl::ToDoubleSeconds(left), terminal_ && done < total ? "   " : "   \n");
  }

 private:
  const std::string what_;
  const bool terminal_;
  const absl::Time began_;
  int64_t shown_ = -1;
};

}  // namespace

void AddPrepareFlags(CLI::App* app, PrepareCommand* command) {
  PrepareOptions& options = command->options;
  options.source = DefaultSource();
  options.out = "data";
  options.threads = CoreCount();
  app->add_flag("--quickstart", command->quickstart,
                "prepare the three datasets of the default federation");
  std::string names;
  for (const DatasetReader& reader : DatasetReaders())
    absl::StrAppend(&names, "\n  ", reader.name, ": ", reader.summary);
  app->add_option("--dataset", options.dataset, absl::StrCat("one of:", names));
  app->add_option("--source", options.source, "folder with the unpacked packages")
      ->capture_default_str();
  app->add_option("--out", options.out, "folder for the shards")->capture_default_str();
  app->add_option("--clients", options.clients, "number of clients")->capture_default_str();
  app->add_option("--partition", options.partition, "natural, iid or dirichlet:ALPHA")
      ->capture_default_str();
  app->add_option("--image-size", options.image_size, "side of the images, pixels")
      ->capture_default_str();
  app->add_option("--max-samples-per-client", options.most_samples, "0: all")
      ->capture_default_str();
  app->add_option("--seed", options.seed, "of the random choices")->capture_default_str();
  app->add_option("--threads", options.threads, "that draw images")->capture_default_str();
  app->add_flag("--json", command->json, "print one JSON object per dataset");
}

absl::Status RunPrepare(const PrepareCommand& command) {
  std::vector<PrepareOptions> all = {command.options};
  if (command.quickstart) {
    all = QuickstartOptions(command.options.source, command.options.out, command.options.threads);
  } else if (command.options.dataset.empty()) {
    return absl::InvalidArgumentError("prepare: give --dataset NAME or --quickstart");
  }
  for (const PrepareOptions& options : all) {
    ProgressLine progress(options.dataset);
    ASSIGN_OR_RETURN(
        const nlohmann::json report,
        Prepare(options, [&](int64_t done, int64_t total) { progress.Show(done, total); }));
    if (command.json) {
      std::cout << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                << std::endl;
    } else {
      std::cout << PrepareTable(report) << std::endl;
    }
  }
  return absl::OkStatus();
}

}  // namespace tributary
